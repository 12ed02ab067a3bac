"""What the charts render, without a cluster: restricted Pods, rights that the code needs and no others."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from edict_agent.kube.resources import CLUSTER_INFORMATION, IP_POOL, NAMESPACE, NODE
from edict_agent.main import cli as agent_command
from edict_agent.reconcile.order import KINDS
from edict_agent.store import identity, secrets
from edict_hub.main import main as hub_command
from tests.deploy.charts import (
    AGENT,
    AGENT_CALICO,
    AGENT_CILIUM,
    AGENT_CILIUM_TIERS,
    AGENT_CLUSTER_NETWORK_POLICY,
    AGENT_FULL,
    AGENT_NETWORK_POLICY,
    CASES,
    HUB,
    HUB_FULL,
    HUB_HARD,
    VALUES,
    Case,
    Manifest,
    containers,
    of_kind,
    one,
    pod_templates,
)
from tests.env._wait import await_true

cases = pytest.mark.parametrize("case", CASES, ids=[f"{case.chart}-{case.name}" for case in CASES])
READS = {"get", "list", "watch"}
WRITES = {"create", "patch", "delete"}


def rules(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [rule for role in of_kind(manifests, *(kinds or ("Role", "ClusterRole"))) for rule in role["rules"]]


def keys(values: Any, prefix: str = "") -> set[str]:
    """Return the path of every value; what users shape themselves (resources, affinity) is one value."""
    if not isinstance(values, dict) or not values or prefix in {"resources.", "affinity."}:
        return {prefix.rstrip(".")}
    free = prefix.endswith(("labels.", "annotations.", "Labels.", "Annotations.", "nodeSelector."))
    return {prefix.rstrip(".")} if free else {key for name in values for key in keys(values[name], f"{prefix}{name}.")}


@cases
def test_helm_finds_nothing_to_complain_about(case: Case) -> None:
    done = case.helm("lint", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", [AGENT_FULL, HUB_FULL], ids=lambda case: case.chart)
def test_the_full_values_set_every_value_that_the_chart_has(case: Case) -> None:
    defaults = keys(yaml.safe_load((case.folder / "values.yaml").read_text()))
    full = keys(yaml.safe_load((VALUES / case.file).read_text()))
    assert full >= defaults - {"token.existingSecret"}, "it excludes token.value, which is set"


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (Case("edict-agent", "x"), "cluster is required"),
        (Case("edict-agent", "x", ("cluster=Fra_1",)), "cluster"),
        (Case("edict-agent", "x", ("cluster=a", "dialect=weave")), "dialect"),
        (Case("edict-agent", "x", ("cluster=a", "clusters=b")), "clusters"),
        (Case("edict-agent", "x", ("cluster=a", "hub=hub")), "hub"),
        (Case("edict-agent", "x", ("cluster=a", "image.tag=latest")), "tag"),
        (Case("edict-agent", "x", ("cluster=a", "token.value=edict1.a", "token.existingSecret=b")), "both set"),
        (Case("edict-hub", "x"), "existingSecret is required"),
        (Case("edict-hub", "x", ("existingSecret=a", "replicas=0")), "replicas"),
        (Case("edict-hub", "x", ("existingSecret=a", "replica=3")), "replica"),
    ],
    ids=lambda value: " ".join(value.settings) or "nothing" if isinstance(value, Case) else None,
)
def test_values_that_cannot_work_are_refused_by_name(case: Case, says: str) -> None:
    done = case.helm("template", case.chart)
    assert done.returncode != 0
    assert says in done.stderr


@cases
def test_every_container_is_restricted(case: Case) -> None:
    for template in pod_templates(case.render()):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 65532
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not any(pod.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC"))
        for container in containers(template):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert not container["image"].endswith(":latest")
        for container in pod["containers"]:
            assert {"livenessProbe", "readinessProbe"} <= container.keys()


@pytest.mark.parametrize("case", [AGENT, AGENT_FULL, HUB, HUB_FULL], ids=lambda case: f"{case.chart}-{case.name}")
def test_the_programs_know_every_flag_that_the_charts_give_them(case: Case) -> None:
    commands: dict[str, click.Command] = {
        "edict-agent": agent_command.commands["run"],
        "edict-hub": hub_command.commands["serve"],
    }
    known = {name for parameter in commands[case.chart].params for name in parameter.opts}
    (container,) = one(case.render(), "Deployment")["spec"]["template"]["spec"]["containers"]
    verb, *flags = container["args"]
    assert verb == commands[case.chart].name
    assert {flag.partition("=")[0] for flag in flags} <= known


@cases
def test_no_right_is_a_wildcard_or_a_way_to_more_rights(case: Case) -> None:
    for rule in rules(case.render()):
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"], *rule.get("resourceNames", [])}
        assert "*" not in words
        assert not words & {"escalate", "bind", "impersonate", "deletecollection", "rbac.authorization.k8s.io"}
        assert not words & {"pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token"}


def test_what_can_be_limited_to_names_or_to_a_namespace_is() -> None:
    for rule in rules(AGENT.render(), "ClusterRole"):
        assert not {"secrets", "configmaps", "leases", "serviceaccounts"} & {*rule["resources"]}
    for role in of_kind(AGENT.render(), "Role"):
        for rule in role["rules"]:
            by_name = bool(rule.get("resourceNames"))
            assert by_name or (rule["verbs"] == ["create"] and role["metadata"]["namespace"] != "kube-system")


def test_the_agent_may_use_exactly_the_secrets_that_it_keeps() -> None:
    (rule,) = (
        rule for rule in rules(AGENT.render(), "Role") if rule["resources"] == ["secrets"] and rule.get("resourceNames")
    )
    chunks = {f"{secrets.HEAD}-{generation}-{index}" for generation in "ab" for index in range(secrets.MAX_CHUNKS)}
    assert set(rule["resourceNames"]) == {identity.NAME, secrets.HEAD} | chunks


@pytest.mark.parametrize(
    "case",
    [AGENT, AGENT_CILIUM, AGENT_CILIUM_TIERS, AGENT_CALICO, AGENT_CLUSTER_NETWORK_POLICY, AGENT_NETWORK_POLICY],
    ids=lambda case: case.name,
)
def test_the_agent_may_write_exactly_the_kinds_that_it_renders(case: Case) -> None:
    rendered = {
        (kind.group, kind.plural)
        for dialect, kinds in KINDS.items()
        if case.name in {"least", dialect.value}
        for kind in kinds
    }
    written: dict[tuple[str, str], set[str]] = {}
    for rule in rules(case.render(), "ClusterRole"):
        for resource in rule["resources"]:
            kind = (rule["apiGroups"][0], resource)
            written[kind] = written.get(kind, set()) | (set(rule["verbs"]) - READS)
    calico_asks_again = {("projectcalico.org", "tier.globalnetworkpolicies")}
    assert {kind for kind, verbs in written.items() if verbs} - calico_asks_again == rendered
    assert all(written[kind] == WRITES for kind in rendered)


def test_the_agent_may_read_only_what_it_renders_and_its_facts() -> None:
    rendered = {kind for kinds in KINDS.values() for kind in kinds}
    facts = {NODE, NAMESPACE, IP_POOL, CLUSTER_INFORMATION}
    calico_asks_again = {"tier.globalnetworkpolicies"}
    read = {
        resource
        for rule in rules(AGENT.render(), "ClusterRole")
        if READS & set(rule["verbs"])
        for resource in rule["resources"]
    }
    assert read - calico_asks_again == {kind.plural for kind in rendered | facts}


def test_the_hub_has_no_rights_in_the_cluster_it_runs_in() -> None:
    manifests = HUB_FULL.render()
    assert not of_kind(manifests, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    assert one(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    assert one(manifests, "Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_one_agent_at_a_time() -> None:
    spec = one(AGENT.render(), "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("case", [HUB, HUB_HARD, HUB_FULL], ids=lambda case: case.name)
def test_one_hub_replica_may_be_away_and_they_keep_apart(case: Case) -> None:
    manifests = case.render()
    deployment, budget = one(manifests, "Deployment"), one(manifests, "PodDisruptionBudget")
    selector = deployment["spec"]["selector"]
    assert deployment["spec"]["replicas"] >= 2
    assert budget["spec"]["selector"] == selector
    apart = deployment["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    terms = apart.get("requiredDuringSchedulingIgnoredDuringExecution") or [
        term["podAffinityTerm"] for term in apart["preferredDuringSchedulingIgnoredDuringExecution"]
    ]
    assert terms == [{"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}]


def test_metrics_never_stand_behind_the_load_balancer() -> None:
    services = {service["spec"]["type"]: service["spec"] for service in of_kind(HUB_FULL.render(), "Service")}
    assert {port["name"] for port in services["LoadBalancer"]["ports"]} == {"mtls", "enrol"}
    assert {port["name"] for port in services["ClusterIP"]["ports"]} == {"metrics"}


def test_the_hub_finds_its_files_readable_by_itself_alone(tmp_path: Path) -> None:
    """The init container's program, as the Pod would run it, on what a Secret looks like when it is mounted."""
    secret, config = tmp_path / "secret", tmp_path / "config"
    hidden = secret / "..2026_01_01"
    hidden.mkdir(parents=True)
    config.mkdir()
    for name in ("hub.yaml", "ca.key"):
        (hidden / name).write_text(name)
        (hidden / name).chmod(0o440)
        (secret / name).symlink_to(Path(hidden.name) / name)
    (secret / "..data").symlink_to(hidden.name)
    first, beside = one(HUB.render(), "Deployment")["spec"]["template"]["spec"]["initContainers"]
    python, dash_c, program, *paths = first["command"]
    assert (python, dash_c, paths) == ("python", "-c", ["/var/run/edict/secret", "/etc/edict"])
    assert beside["command"] == [*first["command"], "10"]
    assert (first.get("restartPolicy"), beside["restartPolicy"]) == (None, "Always")
    for _ in range(2):  # a container that is started again finds its copies
        subprocess.run([sys.executable, dash_c, program, secret, config], check=True, timeout=30)
    assert {path.name: path.read_text() for path in config.iterdir()} == {"hub.yaml": "hub.yaml", "ca.key": "ca.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in config.iterdir()} == {0o600}
    with subprocess.Popen([sys.executable, dash_c, program, secret, config, "0.05"]) as following:
        (hidden / "ca.key").unlink()
        (hidden / "ca.key").write_text("another")
        try:
            await_true(lambda: (config / "ca.key").read_text() == "another", subject="the copy", what="it", timeout=20)
        finally:
            following.kill()
    assert stat.S_IMODE((config / "ca.key").stat().st_mode) == 0o600
