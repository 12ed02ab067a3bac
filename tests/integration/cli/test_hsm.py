"""A team's and the publisher's keys in a PKCS#11 device: the shipped command signs with them, an agent accepts it.

The device is SoftHSM2, the command a process of its own, the hub and etcd are real.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import verify
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, team_role
from edict_agent.sync.judge import Judged, bundle_of, judge
from edict_cli.hub import HubClient
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from tests.env import EnvError, Etcd, Process
from tests.env._wait import await_ready, free_ports
from tests.env.fixtures import require_parts
from tests.env.softhsm import Token
from tests.unit.cli.authors import policy
from tests.unit.cli.test_terminal import on_terminal

pytestmark = pytest.mark.parts
EDICT = Path(sys.executable).with_name("edict")
EDICT_HUB = Path(sys.executable).with_name("edict-hub")
PIN, WRONG_PIN = "8302-team", "8302-tame"
ENVIRONMENT = {"EDICT_PIN": PIN, "EDICT_PASSPHRASE": "correct horse"}
PRIORITIES = itertools.count(20)
TEAM = team_role("net")
HIDE_PKCS11 = "import sys\nsys.modules['pkcs11'] = None\n"


@dataclass
class Office:
    """An author's workspace, its device, and all that the command ever printed."""

    workspace: Path
    token: Token
    printed: list[str] = field(default_factory=list)

    def edict(self, *arguments: str, expect: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        known = {**ENVIRONMENT, **self.token.environment, **env}
        environment = {name: value for name, value in {**os.environ, **known}.items() if value}
        argv = [str(EDICT), "-C", str(self.workspace), *arguments]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
        self.printed += [done.stdout, done.stderr]
        assert done.returncode == expect, done
        return done


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    try:
        made = Token.make(tmp_path_factory.mktemp("softhsm"), label="payments team", pin=PIN)
    except EnvError as error:
        pytest.skip(str(error))
    made.generate(2)
    made.generate(3, "secp384r1")
    return made


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, token: Token) -> Iterator[Office]:
    """A federation whose team net signs with key 2 (P-256) of the device, and whose publisher with key 3 (P-384)."""
    require_parts("etcd")
    folder = tmp_path_factory.mktemp("office")
    with Etcd.start(folder) as etcd:
        office = Office(folder / "edict", token)
        mtls, enrol = free_ports(2)
        office.edict(
            *("init", str(office.workspace), "--trust-domain", "bank.example", "--team", "net"),
            *("--hub", f"127.0.0.1:{mtls}", "--enrol", f"127.0.0.1:{enrol}", "--etcd", etcd.endpoint),
        )
        with running_hub(office.workspace):
            office.edict("cluster", "add", "fra1", "--plugin", "cilium")
            office.edict("publish", "--yes")
            office.edict("trust", "rotate", "net", "--uri", "hsm:2?label=payments+team")
            office.edict("trust", "rotate", "snapshot", "--uri", "hsm:3?label=payments+team")
            office.edict("publish", "--yes")
            for name in ("team-net", "snapshot"):
                (office.workspace / "keys" / f"{name}.pem").unlink()
            yield office


@contextmanager
def running_hub(workspace: Path) -> Iterator[None]:
    log = workspace.parent / "hub.log"
    argv: list[str | Path] = [EDICT_HUB, "serve", "--config", workspace / "hub" / "hub.yaml"]
    process = Process.start([*argv, "--metrics-listen", f"127.0.0.1:{free_ports(1)[0]}"], log=log, env=dict(os.environ))
    try:
        await_ready(process, lambda: "ready replica=" in log.read_text(), subject="hub", timeout=20)
        yield
    finally:
        process.stop()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A policy of the team that nobody has signed yet."""
    path = tmp_path / "deny.yaml"
    path.write_bytes(policy(tmp_path.name.replace("_", "-").lower(), priority=next(PRIORITIES)))
    return path


def as_the_agent_sees_it(workspace: Path) -> Judged:
    """Judge what the hub has as an agent does that was given the trust root and nothing else."""
    opened = Workspace(Session(workspace))
    with HubClient(opened) as hub:
        metadata = hub.state().metadata
        files = {item.role: item for item in metadata if item.role != ROOT}
        state = verify.pin((workspace / "hub" / "root.json").read_bytes())
        roots = sorted((item for item in metadata if item.role == ROOT), key=lambda item: item.version)
        message = pb.Release(
            roots=[item for item in roots if item.version > state.root_version],
            timestamp=files.pop(TIMESTAMP),
            snapshot=files.pop(SNAPSHOT),
            targets=files.values(),
        )
        described = verify.advance(state, bundle_of(message), now=datetime.now(UTC)).documents
        blobs = hub.blobs([target.digest for target in described.values()])
    message.blobs.extend(pb.Blob(digest=digest, content=content) for digest, content in blobs.items())
    return judge(message, state=state, held={}, cluster=ClusterName("fra1"), now=datetime.now(UTC))


def schemes_of(metadata: bytes, role: str) -> set[str]:
    """The schemes of the keys that a delegator lets a role be signed by."""
    plain = json.loads(metadata)["signed"]
    delegations = plain.get("delegations", plain)
    keys = delegations["keys"]
    roles = delegations["roles"]
    entry = roles[role] if isinstance(roles, dict) else next(each for each in roles if each["name"] == role)
    return {keys[keyid]["scheme"] for keyid in entry["keyids"]}


def test_a_policy_and_its_release_are_signed_in_the_device_and_an_agent_accepts_them(
    office: Office, document: Path
) -> None:
    office.edict("sign", "-f", str(document))
    office.edict("publish", "--yes")
    judged = as_the_agent_sees_it(office.workspace)
    assert judged.policies
    assert [placed.problem for placed in judged.policies] == [None] * len(judged.policies)
    assert schemes_of(judged.state.root, SNAPSHOT) == {"ecdsa-sha2-nistp384"}
    assert schemes_of(judged.state.targets[TARGETS], TEAM) == {"ecdsa-sha2-nistp256"}
    document.write_bytes(document.read_bytes().replace(b"10.0.0.0/8", b"10.1.0.0/16"))
    office.edict("sign", "-f", str(document))
    office.edict("publish", "--yes")
    assert as_the_agent_sees_it(office.workspace).state.release == judged.state.release + 1


def pending(office: Office) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (office.workspace / "pending").rglob("*") if path.is_file()}


def test_what_is_wrong_with_the_device_is_told_and_nothing_is_signed(office: Office, document: Path) -> None:
    def refusal(**env: str) -> str:
        return office.edict("sign", "-f", str(document), expect=2, **env).stderr

    before = pending(office)
    elsewhere = document.with_name("softhsm2.conf")
    elsewhere.write_text(f"directories.tokendir = {document.parent}\nobjectstore.backend = file\n")
    hidden = document.with_name("hidden")
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE_PKCS11)
    uri = "(hsm:2?label=payments+team)"
    told = {
        f"[EDICT0235] {uri} the device refused the PIN.": refusal(EDICT_PIN=WRONG_PIN),
        f"[EDICT0607] {uri} the device asks for a PIN and none was given.": refusal(EDICT_PIN=""),
        f"[EDICT0233] {uri} PYKCS11LIB does not name a PKCS#11 module.": refusal(PYKCS11LIB=""),
        f"[EDICT0233] {uri} the PKCS#11 module /nowhere.so cannot be loaded.": refusal(PYKCS11LIB="/nowhere.so"),
        f"[EDICT0233] {uri} the PKCS#11 module {document} cannot be": refusal(PYKCS11LIB=str(document)),
        f"[EDICT0234] {uri} the device or service": refusal(SOFTHSM2_CONF=str(elsewhere)),
        f"[EDICT0233] {uri} the library": refusal(PYTHONPATH=str(hidden)),
    }
    assert [(begin, said) for begin, said in told.items() if not said.startswith(f"Error {begin}")] == []
    assert "No PKCS#11 token found for label payments team" in told[f"[EDICT0234] {uri} the device or service"]
    assert "pip install 'edict-federation[pkcs11]'" in told[f"[EDICT0233] {uri} the library"]
    assert pending(office) == before
    office.edict("sign", "-f", str(document))
    assert pending(office) != before, "positive control: all of that was the device's fault"


def test_another_key_in_the_device_s_slot_is_noticed_before_anybody_gets_its_signature(
    office: Office, document: Path
) -> None:
    listed = office.workspace / "keys" / "keys.yaml"
    text = listed.read_text()
    assert "hsm:2?" in text
    listed.write_text(text.replace("hsm:2?", "hsm:3?"))
    try:
        refused = office.edict("sign", "-f", str(document), expect=2).stderr
    finally:
        listed.write_text(text)
    assert refused.startswith("Error [EDICT0234] (hsm:3?label=payments+team)")
    office.edict("sign", "-f", str(document))


def test_the_pin_is_asked_for_once_on_a_terminal_and_not_shown(
    office: Office, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in office.token.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EDICT_PIN", raising=False)
    sign = ["-C", str(office.workspace), "sign", "-f", str(document)]
    code, shown = on_terminal(sign, {"PIN of payments team": WRONG_PIN})
    assert (code, "EDICT0235" in shown) == (2, True), shown
    code, shown = on_terminal(sign, {"PIN of payments team": PIN})
    assert code == 0, shown
    assert shown.count("PIN of payments team") == 1
    office.printed.append(shown)


def test_the_pin_is_in_no_output_and_no_file(office: Office, document: Path) -> None:
    for pin in (WRONG_PIN, PIN):
        office.edict("--verbose", "sign", "-f", str(document), expect=2 if pin == WRONG_PIN else 0, EDICT_PIN=pin)
    assert any("Traceback" in text for text in office.printed), "the most that the command ever prints"
    root = office.workspace.parent
    assert found_in(office.printed, root) == []
    (root / "planted.log").write_text(f"opening with {PIN}")
    assert found_in([*office.printed, f"refused {WRONG_PIN}"], root) == [f"refused {WRONG_PIN}", "planted.log"]


def found_in(printed: list[str], root: Path) -> list[str]:
    """What shows a PIN: of the outputs themselves, and the names of files."""
    pins = (PIN, WRONG_PIN)
    texts = [text for text in printed if any(pin in text for pin in pins)]
    files = [path for path in root.rglob("*") if path.is_file()]
    return texts + [path.name for path in files if any(pin.encode() in path.read_bytes() for pin in pins)]
