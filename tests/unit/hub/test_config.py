"""hub.yaml is read strictly; what is wrong has a code and a place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edict.errors import HubError
from edict_hub import config as settings

GOOD = "trustDomain: test.example\netcd: {endpoints: ['http://127.0.0.1:2379']}\n"


def load(tmp_path: Path, text: str, **flags: Any) -> settings.Config:
    path = tmp_path / "hub.yaml"
    path.write_text(text)
    return settings.load(path, flags)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD + "caKey: /etc/edict/ca.key\n")
    assert config.root == str(tmp_path / "root.json")
    assert config.ca_key == "/etc/edict/ca.key"


def test_flags_stand_above_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD, mtlsListen="127.0.0.1:0", replica=None)
    assert config.mtls_listen == "127.0.0.1:0"
    assert config.enrol_listen == "0.0.0.0:8444"
    assert config.replica


def test_the_flag_for_an_embedded_etcd_keeps_the_folder_of_the_file(tmp_path: Path) -> None:
    embedded = "trustDomain: test.example\nembedded: {dataDir: kept}\n"
    for text, flag, folder in ((embedded, {}, "kept"), (GOOD, {}, "etcd"), (embedded, {"dataDir": "/x"}, "/x")):
        config = load(tmp_path, text, embedded=flag)
        assert config.etcd is None
        assert config.embedded is not None
        assert config.embedded.data_dir == str(tmp_path / folder)


def test_endpoints_by_flag_replace_an_embedded_etcd(tmp_path: Path) -> None:
    text = "trustDomain: test.example\nembedded: {}\n"
    config = load(tmp_path, text, etcd={"endpoints": ["https://etcd:2379"], "caFile": "/ca.crt"})
    assert config.embedded is None
    assert config.etcd == settings.EtcdConfig(endpoints=("https://etcd:2379",), ca_file="/ca.crt")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (GOOD + "colour: red\n", "colour"),
        (GOOD + "trustDomain: again\n", "stands twice"),
        ("trustDomain: [\n", "YAML"),
        ("- a list\n", "mapping"),
        ("etcd: {endpoints: [a]}\n", "trust"),
        ("trustDomain: x\n", "either"),
        (GOOD + "embedded: {}\n", "either"),
        ("trustDomain: x\netcd: {}\n", "either"),
        (GOOD + "timestampLifetime: soon\n", "duration"),
        (GOOD + "certificateLifetime: 0h\n", "duration"),
        (GOOD + "mtlsListen: '8443'\n", "listen"),
        (GOOD + "enrolListen: host:99999\n", "listen"),
        (GOOD + "maxAgents: many\n", "int"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(HubError, match="EDICT0405") as caught:
        load(tmp_path, text)
    assert what in caught.value.what
    assert "hub.yaml" in caught.value.where


def test_durations_and_addresses() -> None:
    assert settings.seconds("90s", "") == timedelta(seconds=90)
    assert settings.seconds("7d", "") == timedelta(days=7)
    assert settings.address("[::1]:0", "") == ("::1", 0)


def test_a_certificate_for_etcd_needs_its_key_and_the_key_its_owner(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="EDICT0405"):
        settings.etcd_tls(settings.EtcdConfig(ca_file="x", cert_file="y"))
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "key").chmod(0o640)
    config = settings.EtcdConfig(
        ca_file=str(tmp_path / "ca"), cert_file=str(tmp_path / "cert"), key_file=str(tmp_path / "key")
    )
    with pytest.raises(HubError, match="EDICT0406"):
        settings.etcd_tls(config)
    (tmp_path / "key").chmod(0o600)
    tls = settings.etcd_tls(config)
    assert tls is not None
    assert (tls.ca, tls.cert, tls.key) == (b"ca", b"cert", b"key")
