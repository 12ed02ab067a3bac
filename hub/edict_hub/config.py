"""The hub's configuration: one YAML file, read strictly, with flags above it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from edict.errors import HubError
from edict_hub import files
from edict_hub.codes import Code
from edict_hub.store import EtcdTls

_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
MAX_PORT = 65_535
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class EtcdConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Where etcd is: ``endpoints`` with TLS files, or ``embedded``. Paths are relative to the file."""

    endpoints: tuple[str, ...] = ()
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class EmbeddedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An etcd that the hub starts itself, for a laptop."""

    data_dir: str = "etcd"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """``hub.yaml``.

    Addresses are ``host:port``; port 0 takes a free one. Durations are ``90s``, ``30m``, ``24h`` or ``7d``. Paths are
    relative to the file. ``archive`` is an fsspec URL, such as ``file:///var/lib/edict/receipts``: where receipts go
    before they are deleted from etcd; without one only the newest are kept.
    """

    trust_domain: str
    mtls_listen: str = "0.0.0.0:8443"
    enrol_listen: str = "0.0.0.0:8444"
    metrics_listen: str = ""
    otlp: str = ""
    replica: str = msgspec.field(default_factory=socket.gethostname)
    etcd: EtcdConfig | None = None
    embedded: EmbeddedConfig | None = None
    root: str = "root.json"
    timestamp_key: str = "timestamp.pem"
    ca_cert: str = "ca.crt"
    ca_key: str = "ca.key"
    server_cert: str = "server.crt"
    server_key: str = "server.key"
    timestamp_lifetime: str = "24h"
    certificate_lifetime: str = "24h"
    max_agents: int = 10_000
    archive: str = ""


def load(path: Path, flags: Mapping[str, Any]) -> Config:
    """Read the file, with flags (by the file's field names; None is not given) above it.

    Every path in the result is absolute, or relative to the working directory as ``path`` is.

    Raises:
        HubError: EDICT0407 when the file cannot be read; EDICT0405 when it is not valid.
    """
    plain = _plain(files.read(path), str(path))
    given = {name: value for name, value in flags.items() if value is not None}
    if "etcd" in given:
        plain.pop("embedded", None)
    elif "embedded" in given:
        plain.pop("etcd", None)
        given["embedded"] = {**(plain.get("embedded") or {}), **given["embedded"]}
    try:
        config = msgspec.convert({**plain, **given}, Config)
    except msgspec.ValidationError as error:
        raise invalid(str(error), str(path)) from None
    if (config.etcd is None) == (config.embedded is None) or (config.etcd and not config.etcd.endpoints):
        raise invalid("it needs either etcd.endpoints or embedded.dataDir", str(path))
    seconds(config.timestamp_lifetime, f"{path} timestampLifetime")
    seconds(config.certificate_lifetime, f"{path} certificateLifetime")
    address(config.mtls_listen, f"{path} mtlsListen")
    address(config.enrol_listen, f"{path} enrolListen")
    if config.metrics_listen:
        address(config.metrics_listen, f"{path} metricsListen")
    return _resolved(config, path.parent)


def seconds(text: str, where: str) -> timedelta:
    """Return a duration. Raises HubError EDICT0405."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise invalid(f"{text!r} is no duration", where, "write it as 30m or 24h")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def address(text: str, where: str) -> tuple[str, int]:
    """Return host and port of a listen address. Raises HubError EDICT0405."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > MAX_PORT:
        raise invalid(f"{text!r} is no listen address", where, "write it as 0.0.0.0:8443 or [::]:8443")
    return host.strip("[]"), int(port)


def etcd_tls(config: EtcdConfig) -> EtcdTls | None:
    """Read the files for etcd's TLS; None when there are none.

    Raises:
        HubError: EDICT0406 or 0407 for a file; EDICT0405 when certificate and key are not both given.
    """
    if bool(config.cert_file) != bool(config.key_file):
        raise invalid("certFile and keyFile go together", "etcd")
    if not config.ca_file:
        return None
    ca = files.read(Path(config.ca_file))
    if not config.cert_file:
        return EtcdTls(ca)
    return EtcdTls(ca, files.read(Path(config.cert_file)), files.read_key(Path(config.key_file)))


def invalid(what: str, where: str, remedy: str = "compare it with the one that `edict init` wrote") -> HubError:
    """Return EDICT0405."""
    return HubError(Code.CONFIG, what, where=where, remedy=remedy)


def _resolved(config: Config, base: Path) -> Config:
    named = ("root", "timestamp_key", "ca_cert", "ca_key", "server_cert", "server_key")
    paths = {field: str(base / getattr(config, field)) for field in named}
    etcd, embedded = config.etcd, config.embedded
    if etcd is not None:
        tls = {field: getattr(etcd, field) for field in ("ca_file", "cert_file", "key_file")}
        etcd = msgspec.structs.replace(etcd, **{field: str(base / name) for field, name in tls.items() if name})
    if embedded is not None:
        embedded = msgspec.structs.replace(embedded, data_dir=str(base / embedded.data_dir))
    return msgspec.structs.replace(config, etcd=etcd, embedded=embedded, **paths)


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return mapping


def _plain(data: bytes, where: str) -> dict[str, Any]:
    try:
        plain = yaml.load(data, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise invalid(f"it is not YAML: {getattr(error, 'problem', None) or error}", f"{where}{line}") from None
    if not isinstance(plain, dict):
        raise invalid("it must be a mapping", where)
    return plain
