"""The table of nonsense: what a command is given, what is broken before, and the code that it must end with."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from edict.pki.ca import CertificateAuthority
from edict.pki.names import Role
from edict_cli.founding import operator_files
from tests.unit.cli.authors import policy

Break = Callable[[Path], None]
"""Damages a workspace; relative paths of a case are below it too."""


@dataclass(frozen=True)
class Case:
    """``argv`` follows ``edict -C WORKSPACE``; in it and in ``env`` ``{ws}`` is the workspace."""

    name: str
    argv: tuple[str, ...]
    code: str
    breaking: Break = field(default=lambda _workspace: None)
    env: dict[str, str] = field(default_factory=dict)


def case(name: str, argv: str, code: int, breaking: Break | None = None, **env: str) -> Case:
    return Case(name, tuple(argv.split()), f"EDICT{code:04d}", breaking or (lambda _workspace: None), env)


def content(path: str, data: bytes | str) -> Break:
    def breaking(workspace: Path) -> None:
        file = workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())

    return breaking


def replaced(path: str, old: str, new: str) -> Break:
    def breaking(workspace: Path) -> None:
        file = workspace / path
        before = file.read_text()
        assert old in before
        file.write_text(before.replace(old, new))

    return breaking


def gone(path: str) -> Break:
    return lambda workspace: (workspace / path).unlink()


def both(*breakings: Break) -> Break:
    def breaking(workspace: Path) -> None:
        for each in breakings:
            each(workspace)

    return breaking


def mode(path: str, bits: int) -> Break:
    return lambda workspace: (workspace / path).chmod(bits)


def document(old: bytes = b"", new: bytes = b"") -> Break:
    """Write ``new.yaml``, a good policy but for one replacement."""
    good = policy("new")
    assert old in good
    return content("new.yaml", good.replace(old, new, 1))


def hub_at(address: str) -> Break:
    return replaced("workspace.yaml", "hub: 127.0.0.1:1", f"hub: {address}")


def silent_hub(workspace: Path) -> None:
    """Something takes the connection and never says a word; the socket lives as long as the process."""
    listener = socket.create_server(("127.0.0.1", 0))
    _OPEN.append(listener)
    hub_at(f"127.0.0.1:{listener.getsockname()[1]}")(workspace)


_OPEN: list[socket.socket | IO[str]] = []


def held(workspace: Path) -> None:
    """Another command holds the workspace for as long as this process lives."""
    handle = (workspace / ".lock").open("a")
    fcntl.flock(handle, fcntl.LOCK_EX)
    _OPEN.append(handle)


def expired_operator(workspace: Path) -> None:
    hub = workspace / "hub"
    authority = CertificateAuthority.load((hub / "ca.crt").read_bytes(), (hub / "ca.key").read_bytes())
    then = datetime.now(UTC) - timedelta(days=40)
    operator_files(workspace / "operator", authority, Role.OPERATOR, "author", then)


PENDING_GARBAGE = '{"metadata": {"inventory": "eA=="}}'
BARE = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: new}\nspec: {}\n"
INIT = "init {ws}/new --trust-domain a.example --hub h:1 --enrol h:2"
SIGN = "sign -f {ws}/new.yaml"

COMMAND_LINE = [
    case("no verb", "", 601),
    case("an unknown verb", "frobnicate", 601),
    case("an unknown option", "status --frob", 601),
    case("an unknown form", "status -o xml", 601),
    case("a group without a verb", "get", 601),
    case("an unknown verb of a group", "get everything", 601),
    case("a missing argument", "cluster token", 601),
    case("an argument too many", "version now", 601),
    case("an unknown plugin", "cluster add fra1 --plugin weave", 601),
    case("a missing option", "cluster add fra1", 601),
    case("nothing to sign", "sign", 601),
    case("a form that cannot be watched", "status -w -o yaml", 601),
    case("a duration without unit", "status --stale-after 15", 617),
    case("a duration of nothing", "cluster token fra1 --ttl 0h", 617),
    case("a duration too long", "cluster token fra1 --ttl 400d", 617),
    case("a name that is no cluster's", "status --cluster Fra_1", 619),
    case("a name that is no policy's", "get policy deny", 619),
    case("a policy's name with a slash too many", "get policy a/b/c", 619),
    case("a cluster's name in capitals", "cluster add FRA1 --plugin cilium", 619),
    case("a label without value", "cluster add fra1 --plugin cilium --label env", 610),
    case("a label with a bad key", "cluster add fra1 --plugin cilium --label =x", 610),
    case("a label given twice", "cluster add fra1 --plugin cilium --label a=b --label a=c", 610),
    case("removing what is not there", "sign --remove net/nothing", 612),
    case("removing without a team", "sign --remove nothing", 619),
    case("removing an unknown cluster", "cluster remove fra9", 612),
    case("an operator's name in capitals", "operator issue Ada --out {ws}/ada", 619),
    case("an operator's folder that is there", "operator issue ada --out {ws}/keys", 606),
]
INIT_CASES = [
    case("init where something is", "init {ws} --trust-domain a.example --hub h:1 --enrol h:2", 606),
    case("init below a file", "init {ws}/workspace.yaml/x --trust-domain a.example --hub h:1 --enrol h:2", 603),
    case("init without a trust domain", "init {ws}/new --hub h:1 --enrol h:2", 601),
    case("init with a bad trust domain", "init {ws}/new --trust-domain A_B --hub h:1 --enrol h:2", 619),
    case("init with a hub without port", "init {ws}/new --trust-domain a.example --hub h --enrol h:2", 609),
    case("init with a port too high", "init {ws}/new --trust-domain a.example --hub h:70000 --enrol h:2", 609),
    case("init with an empty address", "init {ws}/new --trust-domain a.example --hub h:1, --enrol h:2", 609),
    case("init with a bad team", f"{INIT} --team Pay_ments", 619),
    case("init with teams that clash", f"{INIT} --team net --team net-a", 619),
    case("init with a bad etcd", f"{INIT} --etcd etcd:2379", 609),
    case("init with a bad name", f"{INIT} --san a/b", 619),
    case("init with nobody to ask", INIT, 607, EDICT_PASSPHRASE=""),
]
WORKSPACES = [
    case("settings that are not YAML", "sign --remove net/one", 605, content("workspace.yaml", "a: [")),
    case("settings that are no mapping", "sign --remove net/one", 605, content("workspace.yaml", "hello")),
    case("settings that are binary", "sign --remove net/one", 605, content("workspace.yaml", b"\xff\xfe\x00")),
    case("settings with an unknown field", "status", 605, replaced("workspace.yaml", "team: net", "taem: net")),
    case("settings with a bad address", "status", 609, hub_at("nowhere")),
    case("no settings", "status", 604, gone("workspace.yaml")),
    case("no trust root", SIGN, 605, both(document(), gone("metadata/1.root.json"))),
    case("a trust root that is garbage", "cluster add a --plugin cilium", 605, content("metadata/1.root.json", "{}")),
    case("metadata that is gone", "cluster add a --plugin cilium", 605, gone("metadata/1.inventory.json")),
    case("metadata that is garbage", "cluster add a --plugin cilium", 605, content("metadata/1.inventory.json", "x")),
    case("a timestamp that is garbage", "cluster add a --plugin cilium", 605, content("metadata/timestamp.json", "x")),
    case("pending changes that are garbage", "sign --remove net/one", 605, content("pending/release.json", "[")),
    case("a workspace that is held", "sign --remove net/one", 622, held),
]
DOCUMENTS = [
    case("a file that is not there", "sign -f {ws}/nothing.yaml", 603),
    case("a file that is a folder", "sign -f {ws}/keys", 603),
    case("a file without a document", SIGN, 618, content("new.yaml", "# nothing\n")),
    case("a file that is not YAML", SIGN, 101, content("new.yaml", "a: [")),
    case("a file that is not text", SIGN, 101, content("new.yaml", b"\x00\xff\xfe")),
    case("a file that is too large", SIGN, 102, content("new.yaml", "a: " + "b" * 300_000)),
    case("a key that stands twice", SIGN, 103, document(b"  name: new\n", b"  name: new\n  name: old\n")),
    case("an anchor", SIGN, 104, document(b"name: new", b"name: &a new")),
    case("an unknown kind", SIGN, 105, document(b"FederatedNetworkPolicy", b"FederatedNetworkPolice")),
    case("a bare upstream policy", SIGN, 106, content("new.yaml", BARE)),
    case("an unknown field", SIGN, 107, document(b"priority:", b"priorty:")),
    case("a missing field", SIGN, 108, document(b"    priority: 10\n", b"")),
    case("a value of another type", SIGN, 109, document(b"priority: 10", b"priority: high")),
    case("a bad name", SIGN, 120, document(b"name: new", b"name: New_One")),
    case("a bad network", SIGN, 125, document(b"10.0.0.0/8", b"10.0.0.1/8")),
    case("one document twice", f"{SIGN} -f {{ws}}/new.yaml", 601, document()),
    case("a placement where there is one", f"{SIGN} --placement all", 601, document()),
    case("a bad placement", f"{SIGN} --placement prod", 610, content("new.yaml", BARE)),
    case("a team that is not there", f"{SIGN} --team pay", 608, document()),
    case("a bad team", f"{SIGN} --team Pay_", 619, document()),
    case(
        "no default team",
        SIGN,
        608,
        both(document(), replaced("workspace.yaml", "team: net", "team: ''")),
    ),
]
KEYS = [
    case("a wrong passphrase", SIGN, 230, document(), EDICT_PASSPHRASE="wrong"),  # noqa: S106 - of a throw-away key
    case("no passphrase and nobody to ask", SIGN, 607, document(), EDICT_PASSPHRASE=""),
    case("a key that is gone", SIGN, 608, both(document(), gone("keys/team-net.pem"))),
    case("a key that all may read", SIGN, 230, both(document(), mode("keys/team-net.pem", 0o644))),
    case("a key that is garbage", SIGN, 230, both(document(), content("keys/team-net.pem", "x"))),
    case("an operator's key that is gone", "status", 603, gone("operator/operator.key")),
    case("an operator's key that all may read", "status", 620, mode("operator/operator.key", 0o640)),
    case("an operator's key that is garbage", "status", 303, content("operator/operator.key", "x")),
    case("an operator's certificate that is garbage", "status", 621, content("operator/operator.crt", "x")),
    case("an operator's certificate that expired", "status", 621, expired_operator),
    case("a CA that is garbage", "status", 621, content("operator/ca.crt", b"\xff")),
    case("a CA key that all may read", "operator renew", 620, mode("hub/ca.key", 0o644)),
    case("a CA key that is another's", "operator renew", 303, content("hub/ca.key", "x")),
]
NO_HUB = [
    case("no hub: status", "status", 450),
    case("no hub: watch", "status -w", 450),
    case("no hub: publish", "publish", 450),
    case("no hub: refresh", "publish --refresh", 450),
    case("no hub: rebase", "sign --rebase", 450),
    case("no hub: token", "cluster token fra1", 450),
    case("no hub: approve", "cluster approve fra1 --yes", 450),
    case("no hub: add and publish", "cluster add fra2 --plugin cilium --publish", 450),
    case("no hub: clusters", "get clusters", 450),
    case("no hub: policy", "get policy net/one", 450),
    case("a name that does not resolve", "status", 450, hub_at("hub.invalid:8443")),
    case("a hub that says nothing", "status", 450, silent_hub),
    case("several hubs that are down", "status", 450, hub_at("127.0.0.1:1,127.0.0.1:2,[::1]:3")),
]
ALL = COMMAND_LINE + INIT_CASES + WORKSPACES + DOCUMENTS + KEYS + NO_HUB
LIVE = [
    case("a token for an unknown cluster", "cluster token fra9", 611),
    case("approving an unknown cluster", "cluster approve fra9 --yes", 611),
    case("approving what has not enrolled", "cluster approve fra1 --yes", 614),
    case("the status of an unknown cluster", "status --cluster fra9", 611),
    case("the receipts of an unknown cluster", "get receipts fra9", 611),
    case("the receipts of a cluster without key", "get receipts fra1", 614),
    case("a policy that is not there", "get policy net/nothing", 612),
    case(
        "pending metadata that is garbage",
        "publish",
        605,
        content("pending/release.json", '{"metadata": {"inventory": "eA=="}}'),
    ),
    case("a hub of another trust root", "status", 605, content("metadata/1.root.json", "{}")),
]
