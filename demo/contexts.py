"""`make demo CONTEXTS='a b'`: the demo on the caller's own clusters. It says what it will write, and asks.

The examples are narrowed to a namespace that need not exist, so that nothing a cluster runs is touched; the agents
run here, as the caller; everything written is taken away at the end.
"""

from __future__ import annotations

import copy
import re
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.kube_config import KubeConfigMerger
from urllib3.exceptions import HTTPError

from demo import fleet, objects
from demo.screen import Screen
from tests.e2e.federation import NAMESPACE, CommandError, Federation
from tests.env import Etcd, Kind, ensure_parts
from tests.env.clients import api_client, dynamic_client

EXAMPLES = Path(__file__).parents[1] / "examples"
SUBJECT = "edict-demo"
FILES = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}
MADE_HERE = {"app.kubernetes.io/managed-by": "edict-demo"}


@dataclass(frozen=True)
class Target:
    """One of the caller's clusters."""

    context: str
    name: str
    kind: Kind
    kubeconfig: Path


def run(names: list[str], screen: Screen, *, assume_yes: bool, keep: bool) -> int:
    """Run the demo against kubeconfig contexts; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="edict-demo-") as folder:
        targets = [_target(name, Path(folder)) for name in names]
        _announce(targets, screen)
        if not assume_yes and not _confirmed():
            screen.say("nothing was written")
            return 0
        ensure_parts(["etcd"])
        federation = Federation(Path(folder), Etcd.start(Path(folder)))
        try:
            with federation:
                _show(federation, targets, screen, keep=keep)
        finally:
            for target in targets:
                _remove(target, screen)
    return 0


def _target(context: str, folder: Path) -> Target:
    """Write a kubeconfig of one context for the agent, and find the cluster's plugin."""
    name = re.sub(r"[^a-z0-9-]+", "-", context.lower()).strip("-")[:63]
    path = folder / f"{name}.kubeconfig"
    path.touch(mode=0o600)
    try:
        merged = KubeConfigMerger(config.KUBE_CONFIG_DEFAULT_LOCATION).config  # type: ignore[no-untyped-call] # it has no types
        known = [node.value["name"] for node in merged.value["contexts"]] if merged else []
        if context not in known:
            raise CommandError(f"KUBECONFIG has no context {context!r}; it has: {', '.join(known) or 'none'}")
        lists = {kind: [_absolute(node) for node in merged.value[kind]] for kind in ("clusters", "contexts", "users")}
        path.write_text(yaml.safe_dump({**merged.value, **lists, "current-context": context}))
        groups = {group.name for group in client.ApisApi(api_client(path)).get_api_versions().groups}
    except ApiException as error:
        raise CommandError(f"context {context!r} cannot be used: its API server says {error.reason}") from None
    except (config.ConfigException, HTTPError, OSError) as error:
        raise CommandError(f"context {context!r} cannot be used: {error}") from None
    if "cilium.io" in groups:
        return Target(context, name, "cilium", path)
    if "projectcalico.org" in groups:
        return Target(context, name, "calico", path)
    raise CommandError(f"context {context!r} serves neither cilium.io nor projectcalico.org; install a plugin first")


def _absolute(node: Any) -> dict[str, Any]:
    """Return an entry of a kubeconfig with the files it names as seen from anywhere."""
    plain = copy.deepcopy(node.value)
    for section in (plain.get("cluster"), plain.get("user")):
        for field in FILES & (section or {}).keys():
            section[field] = str(Path(node.path).expanduser().parent / section[field])
    return dict(plain)


def _announce(targets: list[Target], screen: Screen) -> None:
    screen.heading("This will be written to your clusters, and taken away at the end")
    for target in targets:
        kinds = ", ".join(name for _, name in objects.KINDS[target.kind])
        screen.say(f"{target.context} ({target.kind}): namespace {NAMESPACE} with Secrets, a ConfigMap and a Lease;")
        screen.say(f"  objects labelled {objects.OURS} of {kinds}; they select pods of namespace {SUBJECT} alone")


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise CommandError("nobody is there to ask; pass YES=1 to write without being asked")
    return input("   Go on? [y/N] ").strip().lower() in {"y", "yes"}


def _show(federation: Federation, targets: list[Target], screen: Screen, *, keep: bool) -> None:
    federation.start_hubs(2, screen.say)
    for target in targets:
        federation.add_cluster(target.name, target.kind)
    federation.publish()
    for target in targets:
        _make_namespace(target)
        screen.say(f"enrol {target.context}")
        federation.start_agent(target.name, kubeconfig=target.kubeconfig)
    federation.pin_receipt_keys()
    files = [_narrowed(file, federation.directory) for file in sorted(EXAMPLES.glob("*.yaml"))]
    federation.sign(*files)
    release = federation.publish()
    fleet.await_rows(
        federation,
        screen,
        "waiting for the clusters' signed receipts",
        lambda rows: all(int(row["release"]) >= release for row in rows.values()),
    )
    screen.output(federation.edict("status", "-o", "wide", expect=None).stdout)
    if keep:
        screen.say("Ctrl-C takes everything away again.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            screen.say("")


def _narrowed(file: Path, folder: Path) -> Path:
    """Copy an example so that it selects the pods of one namespace that the demo names."""
    document = yaml.safe_load(file.read_text())
    document["spec"]["policy"]["subject"] = {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": SUBJECT}}}
    copy = folder / file.name
    copy.write_text(yaml.safe_dump(document, sort_keys=False))
    return copy


def _make_namespace(target: Target) -> None:
    api = client.CoreV1Api(api_client(target.kubeconfig))
    try:
        api.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE, labels=MADE_HERE)))
    except ApiException as error:
        raise CommandError(f"namespace {NAMESPACE} of {target.context} cannot be made: {error.reason}") from None


def _remove(target: Target, screen: Screen) -> None:
    """Delete what the demo wrote, and only that."""
    dynamic = dynamic_client(target.kubeconfig)
    api = client.CoreV1Api(api_client(target.kubeconfig))
    found = api.list_namespace(
        field_selector=f"metadata.name={NAMESPACE}",
        label_selector=",".join(f"{key}={value}" for key, value in MADE_HERE.items()),
    )
    if not found.items:
        return
    left = objects.managed(dynamic, target.kind)
    for version, kind in reversed(objects.KINDS[target.kind]):
        for found_kind, name in left:
            if found_kind == kind:
                dynamic.resources.get(api_version=version, kind=kind).delete(name=name)
    api.delete_namespace(NAMESPACE)
    screen.say(f"{target.context}: {len(left)} objects and namespace {NAMESPACE} removed")
