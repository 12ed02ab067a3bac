"""A whole demo run at debug level, with commands that fail on purpose, shows no secret to those it is not for.

The secrets are those of the run itself. What is searched: all that any process printed, every log, every file that
somebody else could read, all metrics, all that the hub ever kept in etcd, the arguments and environments of all
processes while they lived. Each kind of secret is then planted in each sort of place, and found there.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, Self
from urllib.parse import urlsplit

import grpc
import msgspec
import pytest
import yaml
from aetcd import rpc
from kubernetes import client
from kubernetes.client.exceptions import ApiException

import demo.__main__ as demonstration
from demo.screen import Screen
from edict.pki.token import Token
from tests.e2e.conftest import EXAMPLES, PARTS
from tests.e2e.federation import BIN, NAMESPACE, PASSPHRASE, Federation
from tests.e2e.needles import Needle, Spelling, of_key, of_text, spellings
from tests.e2e.searching import MARK, Finding, Place, Watch, exposed_files, logs, metrics, search, stored
from tests.env import Process
from tests.env._wait import await_true
from tests.env.clients import api_client
from tests.env.fixtures import require_parts

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(600)]
WRONG_PASSPHRASE = "incorrect horse battery staple"  # noqa: S105 - that it is wrong is the point
PREFIX = b"/edict/"
KINDS = {"author's key", "hub's key", "operator's key", "agent's key", "cluster's key", "passphrase", "token", "login"}
SORTS = {"output", "file", "metrics", "etcd", "cmdline", "environ"}
PROGRAMS = {"edict", "edict-hub", "edict-agent", "etcd", "kube-apiserver"}
"""Programs that the watch must have seen, or it saw too little."""


@dataclass
class Run:
    """What one run left to be searched, and what must not be found in it."""

    folder: Path
    watch: Watch
    printed: list[Place] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    needles: list[Needle] = field(default_factory=list)
    wanted: list[Spelling] = field(default_factory=list)
    planted: list[Finding] = field(default_factory=list)


class Recorded(Federation):
    """A federation that keeps what `edict` printed, with tracebacks; the token that it is asked for is a needle."""

    run: ClassVar[Run]
    started: ClassVar[Recorded]

    def __enter__(self) -> Self:
        type(self).started = self
        return self

    def edict(self, *args: str, workspace: bool = True, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = super().edict("--verbose", *args, workspace=workspace, expect=expect)
        out = done.stdout
        if args[:2] == ("cluster", "token"):
            self.run.tokens.append(json.loads(out)["token"] if "-o" in args else out.strip())
            out = out.replace(self.run.tokens[-1], "")  # it is what was asked for
        self.run.printed.append(Place("output", f"edict {' '.join(args)}", f"{out}\n{done.stderr}".encode()))
        return done


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo in this process, its programs as processes of their own; searched just before it would clean up."""
    require_parts(*PARTS)
    mark = uuid.uuid4().hex
    run = Run(tmp_path_factory.mktemp("run"), Watch(mark))
    shown = io.StringIO()

    class Waiting:
        """Stands where the demo waits for Ctrl-C."""

        def wait(self) -> None:
            provoke(Recorded.started, run)
            know(Recorded.started, run)
            run.places += places_of(Recorded.started, run)
            run.places.append(Place("output", "the demo", shown.getvalue().encode()))
            plant(Recorded.started, run)
            raise KeyboardInterrupt

    Recorded.run = run
    with pytest.MonkeyPatch.context() as patch, run.watch, redirect_stdout(shown), redirect_stderr(shown):
        patch.setenv(MARK, mark)
        patch.setenv("TMPDIR", str(run.folder))
        patch.setenv("EDICT_LOG_LEVEL", "debug")
        patch.setenv("GRPC_VERBOSITY", "debug")
        patch.setattr(demonstration, "Federation", Recorded)
        patch.setattr(demonstration, "threading", SimpleNamespace(Event=Waiting))
        demonstration._run(run.folder, Screen(), keep=True)
    return run


def provoke(federation: Recorded, run: Run) -> None:
    """Run commands that must fail while they hold a secret, leave a token that nobody uses, and change a key."""
    federation.edict("cluster", "add", "spare", "--plugin", "cilium")
    federation.publish()
    token = federation.json("cluster", "token", "spare")["token"]
    copy = run.folder / "copy"
    shutil.copytree(federation.workspace, copy)
    document = copy / "deny.yaml"
    document.write_text((EXAMPLES / "deny-cloud-metadata.yaml").read_text().replace("priority: 10", "priority: 12"))
    edict: list[str | Path] = [BIN / "edict", "--verbose", "-C", copy]
    sign = [*edict, "sign", "--team", "platform", "-f", document]
    hub: list[str | Path] = [BIN / "edict-hub", "serve", "--config", copy / "hub" / "hub.yaml", "--metrics-listen", ""]

    def fails(code: str, argv: list[str | Path], passphrase: str = PASSPHRASE) -> None:
        env = {**os.environ, **({"EDICT_PASSPHRASE": passphrase} if argv[0] == BIN / "edict" else {})}
        done = subprocess.run(argv, env=env, capture_output=True, timeout=60, check=False)
        assert done.returncode == 2, done
        assert code.encode() in done.stderr, done
        run.printed.append(Place("output", f"{argv[0]} that fails", done.stdout + done.stderr))

    fails("EDICT0230", sign, WRONG_PASSPHRASE)
    fails("EDICT0607", sign, "")
    ways: tuple[tuple[str, str, str, list[str | Path]], ...] = (
        ("keys/team-platform.pem", "EDICT0230", "EDICT0230", sign),
        ("operator/operator.key", "EDICT0620", "EDICT0303", [*edict, "status"]),
        ("hub/timestamp.pem", "EDICT0230", "EDICT0230", hub),
        ("hub/ca.key", "EDICT0406", "EDICT0303", hub),
        ("hub/server.key", "EDICT0406", "EDICT0303", hub),
    )
    for name, exposed, damaged, argv in ways:
        path = copy / name
        whole = path.read_bytes()
        path.chmod(0o644)
        fails(exposed, argv)
        path.chmod(0o600)
        path.write_bytes(whole[:60] + b"#" + whole[60:])
        fails(damaged, argv)
        path.write_bytes(whole)
    refused = msgspec.structs.replace(Token.decode(token), secret=bytes(32))
    for name, text, code in (("cut", token[:-9], "EDICT0307"), ("refused", refused.encode(), "EDICT0322")):
        file = copy / f"{name}.token"
        file.touch(mode=0o600)
        file.write_text(text)
        agent = agent_with(file, federation, run.folder / "logs" / f"agent-{name}.log")
        try:
            await_true(partial(said, agent.log, code), subject=f"agent-{name}", what=code, timeout=30)
        finally:
            agent.kill()
    shutil.rmtree(copy)
    federation.edict("trust", "rotate", "platform")
    federation.publish()


def agent_with(token: Path, federation: Recorded, log: Path) -> Process:
    """Start an agent of the cluster `spare` in a namespace of its own."""
    kubeconfig = federation.clusters["cilium-1"].kubeconfig
    metadata = client.V1ObjectMeta(name="spare")
    with suppress(ApiException):  # the one before has made it
        client.CoreV1Api(api_client(kubeconfig)).create_namespace(client.V1Namespace(metadata=metadata))
    options = ("--cluster", "spare", "--namespace", "spare", "--kubeconfig", kubeconfig, "--token-file", token)
    return Process.start([BIN / "edict-agent", "run", "--verbose", *options], log=log, env=dict(os.environ))


def said(log: Path, code: str) -> bool:
    return code in log.read_text()


def know(federation: Recorded, run: Run) -> None:
    """Collect the run's secrets."""
    needles = [*of_text("passphrase", "the passphrase", PASSPHRASE), *of_text("passphrase", "wrong", WRONG_PASSPHRASE)]
    folder = federation.workspace
    for kind, paths, passphrase in (
        ("author's key", (folder / "keys").glob("*.pem"), PASSPHRASE.encode()),
        ("hub's key", [*(folder / "hub").glob("*.key"), *(folder / "hub").glob("*.pem")], None),
        ("operator's key", (folder / "operator").glob("*.key"), None),
        ("cluster's key", run.folder.glob("clusters/*/pki/*.key"), None),
    ):
        for path in paths:
            needles += of_key(kind, str(path.relative_to(run.folder)), path.read_bytes(), passphrase)
    for name, cluster in federation.clusters.items():
        api = client.CoreV1Api(api_client(cluster.kubeconfig))
        identity = dict(api.read_namespaced_secret("edict-agent-identity", NAMESPACE).data or {})
        needles += of_key("agent's key", f"{name} tls.key", base64.b64decode(identity["tls.key"]))
        needles += [Needle("agent's key", f"{name} receipt.key", base64.b64decode(identity["receipt.key"]))]
    for path in run.folder.glob("clusters/*/*.kubeconfig"):
        for user in yaml.safe_load(path.read_text())["users"]:
            login = user["user"]
            if "token" in login:
                needles += of_text("login", path.name, login["token"])
                needles += of_text("login", f"{path.name} (signature)", login["token"].rpartition(".")[2])
            if "client-key-data" in login:
                needles += of_key("login", path.name, base64.b64decode(login["client-key-data"]))
    for text in run.tokens:
        token = Token.decode(text)
        needles += of_text("token", f"of {token.cluster}", text)
        needles.append(Needle("token", f"of {token.cluster} (secret)", token.secret))
    run.needles = needles
    run.wanted = spellings(needles)


def places_of(federation: Recorded, run: Run) -> list[Place]:
    """Return all that is to be searched."""
    services = [each for each in (*federation.hubs, *federation.agents.values()) if each.running]
    listening = ("--metrics-listen", "--health-listen")
    addresses = [
        str(after) for each in services for flag, after in itertools.pairwise(each.argv) if str(flag) in listening
    ]
    return [
        *run.printed,
        *logs(run.folder),
        *exposed_files(run.folder),
        *metrics(addresses),
        *stored(federation.etcd.endpoint, PREFIX),
        *run.watch.places(),
    ]


def plant(federation: Recorded, run: Run) -> None:
    """Positive control: put one secret of each kind into each sort of place, as real as can be, and search again."""
    texts = {each.needle.kind: each.text.decode() for each in run.wanted if each.how == "hexadecimal"}
    text = "\n".join(texts.values())
    (run.folder / "logs" / "planted.log").write_text(text)
    nested = run.folder / "clusters" / "planted"
    nested.mkdir()
    (nested / "planted").write_text(text)
    with grpc.insecure_channel(urlsplit(federation.etcd.endpoint).netloc) as channel:
        for value in (text.encode(), b"overwritten"):
            rpc.KVStub(channel).Put(rpc.PutRequest(key=PREFIX + b"planted", value=value))
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Planted)
    Planted.text = f"# HELP planted\n{text}\n".encode()
    threading.Thread(target=served.serve_forever, daemon=True).start()
    waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    careless = [
        subprocess.Popen([*waits, *texts.values()], stdin=subprocess.PIPE),
        subprocess.Popen(waits, stdin=subprocess.PIPE, env={**os.environ, "PLANTED": text}),
    ]
    pids = {process.pid for process in careless}
    await_true(
        lambda: pids <= {pid for pid, cmdline in list(run.watch.cmdlines) if b"stdin.read" in cmdline},
        subject="the watch",
        what="both planted processes",
        timeout=20,
    )
    places = [*places_of(federation, run), *metrics([f"127.0.0.1:{served.server_port}"])]
    run.planted = search(places, run.wanted)
    served.shutdown()
    for process in careless:
        process.communicate()


class Planted(http.server.BaseHTTPRequestHandler):
    """Metrics with a secret in them."""

    text = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_run_shows_no_secret_to_anybody(run: Run) -> None:
    assert {needle.kind for needle in run.needles} == KINDS
    sizes = {sort: sum(len(place.content) for place in run.places if place.sort == sort) for sort in SORTS}
    counts = {sort: sum(place.sort == sort for place in run.places) for sort in SORTS}
    print(f"\n{len(run.needles)} secrets in {len(run.wanted)} spellings; {run.watch.rounds} rounds of /proc")
    print("\n".join(f"{sort}: {counts[sort]} places, {sizes[sort]:,} bytes" for sort in sorted(SORTS)))
    assert all(sizes.values()), sizes
    assert run.watch.programs() >= PROGRAMS
    assert sorted({finding.text for finding in search(run.places, run.wanted)}) == []


def test_of_a_token_etcd_has_the_hash_alone(run: Run) -> None:
    kept = b"\n".join(place.content for place in run.places if place.sort == "etcd")
    for text in run.tokens:
        digest = hashlib.sha256(Token.decode(text).secret)
        assert digest.digest() in kept or digest.hexdigest().encode() in kept


def test_each_kind_of_secret_is_found_in_each_sort_of_place_where_it_was_planted(run: Run) -> None:
    assert {(finding.kind, finding.sort) for finding in run.planted} >= set(itertools.product(KINDS, SORTS))
