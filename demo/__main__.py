"""`python -m demo [--keep] [--contexts 'a b']`: see the README."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from demo import contexts, fleet, objects
from demo.screen import Screen
from tests.e2e.federation import PASSPHRASE, CommandError, Federation
from tests.env import EnvError, Kind, ensure_parts
from tests.env.clients import dynamic_client

EXAMPLES = Path(__file__).parents[1] / "examples"
CLUSTERS: dict[str, Kind] = {"cilium-1": "cilium", "calico-1": "calico"}
UNSUPPORTED_ON_CALICO = "platform/ai-egress"


def main() -> int:
    """Run the demo; exit 0 when every step did what it says."""
    arguments = _arguments()
    screen = Screen()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it puts behind with SIGINT ignored
    try:
        if arguments.contexts:
            return contexts.run(arguments.contexts.split(), screen, assume_yes=arguments.yes, keep=arguments.keep)
        with tempfile.TemporaryDirectory(prefix="edict-demo-") as folder:
            return _run(Path(folder), screen, keep=arguments.keep)
    except KeyboardInterrupt:
        screen.say("interrupted; everything that was started has ended")
        return 130
    except (CommandError, EnvError, TimeoutError) as error:
        print(f"Error [EDICT9101] (demo) {error}", file=sys.stderr)
        return 2


def _run(folder: Path, screen: Screen, *, keep: bool) -> int:
    screen.heading("The real parts: etcd, kube-apiserver, Calico's API server, helm (built once)")
    ensure_parts(["etcd", "kube-apiserver", "calico-apiserver", "calico-manifests", "cilium-crds", "helm"])
    screen.heading("Start etcd, two hub replicas, a Cilium and a Calico cluster; enrol an agent in each")
    with screen.working("starting"):
        federation = Federation.start(folder, hubs=2, clusters=CLUSTERS, say=screen.say)
    with federation:
        _publish_examples(federation, screen)
        _revert(federation, screen)
        _lose_a_replica(federation, screen)
        if keep:
            with suppress(KeyboardInterrupt):
                _stay(federation, screen)
        screen.heading("Clean up")
    screen.say("every process has ended; nothing stays but the built parts in the cache")
    return 0


def _publish_examples(federation: Federation, screen: Screen) -> None:
    screen.heading("Sign five policies offline and publish them as one release")
    files = sorted(EXAMPLES.glob("*.yaml"))
    screen.command("edict sign " + " ".join(f"-f examples/{file.name}" for file in files))
    federation.sign(*files)
    screen.command("edict publish")
    release = federation.publish()
    expected = {f"platform/{file.stem}" for file in files}

    def settled(rows: fleet.Rows) -> bool:
        return all(
            int(row["release"]) >= release
            and fleet.states(row).keys() == expected
            and "Pending" not in fleet.states(row).values()
            for row in rows.values()
        )

    fleet.await_rows(federation, screen, "waiting for both clusters' signed receipts", settled)
    screen.command("edict status -o wide")
    screen.output(federation.edict("status", "-o", "wide", expect=None).stdout)
    wrong = {
        (cluster, policy): state
        for cluster, row in federation.status().items()
        for policy, state in fleet.states(row).items()
        if (state == "Compliant") == (CLUSTERS[cluster] == "calico" and policy == UNSUPPORTED_ON_CALICO)
    }
    if wrong:
        raise CommandError(f"the conformance is not what it should be: {wrong}")
    screen.command("edict get policy platform/ai-egress")
    screen.output(federation.edict("get", "policy", "platform/ai-egress", expect=1).stdout)
    screen.say("ai-egress names domains, which open-source Calico cannot match: refused whole there, and reported.")


def _revert(federation: Federation, screen: Screen) -> None:
    screen.heading("Delete an applied object with the official client")
    api = dynamic_client(federation.clusters["cilium-1"].kubeconfig)
    victim = objects.objects_of(api, "cilium", "platform/deny-cloud-metadata")[0]
    kind, name = victim["kind"], victim["metadata"]["name"]
    screen.command(f"kubectl --context cilium-1 delete {kind.lower()} {name}")
    seconds = objects.delete_and_await_return(api, victim["apiVersion"], kind, name)
    screen.say(f"it was back after {seconds * 1000:.0f} ms")


def _lose_a_replica(federation: Federation, screen: Screen) -> None:
    screen.heading("Kill one hub replica, then publish")
    screen.command("kill -9 hub-0")
    federation.hubs[0].kill()
    file = EXAMPLES / "deny-cloud-metadata.yaml"
    changed = federation.directory / file.name
    changed.write_text(file.read_text().replace("priority: 10", "priority: 11"))
    screen.command("sed -i 's/priority: 10/priority: 11/' deny-cloud-metadata.yaml")
    screen.command("edict sign -f deny-cloud-metadata.yaml && edict publish")
    release = federation.sign_and_publish(changed)
    seconds = fleet.await_rows(
        federation,
        screen,
        "waiting for the release",
        lambda rows: all(int(row["release"]) >= release for row in rows.values()),
    )
    screen.say(
        f"release {release} is on both clusters, {seconds:.1f} s after it was published through the other replica"
    )


def _stay(federation: Federation, screen: Screen) -> None:
    screen.heading("Running. Try, in another terminal, from this folder")
    kept = federation.directory / "passphrase"
    kept.touch(mode=0o600)
    kept.write_text(PASSPHRASE)
    screen.say(f'export EDICT_WORKSPACE={federation.workspace} EDICT_PASSPHRASE="$(cat {kept})"')
    for command in ("edict status -w", "edict get policies", "edict get policy platform/ai-egress"):
        screen.say(f".venv/bin/{command}")
    for cluster in federation.clusters.values():
        kinds = ",".join(name.lower() for _, name in objects.KINDS[cluster.kind])
        screen.say(f"kubectl --kubeconfig {cluster.kubeconfig} get {kinds}")
    screen.say("Ctrl-C ends it all.")
    threading.Event().wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="Edict on real parts, in a minute.")
    set_by_make = os.environ.get
    parser.add_argument(
        "--keep",
        action="store_true",
        default=set_by_make("KEEP") == "1",
        help="leave it running until Ctrl-C (make demo KEEP=1)",
    )
    parser.add_argument(
        "--contexts",
        default=set_by_make("CONTEXTS", ""),
        help="kubeconfig contexts to use instead (make demo CONTEXTS='a b')",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        default=set_by_make("YES") == "1",
        help="with --contexts: do not ask before writing (YES=1)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
