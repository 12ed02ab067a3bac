"""The table of cases: what each YAML file beside this one says under ``cases``, read strictly.

A case says what must hold of some policies in the one cluster of :mod:`tests.engines.cases.world`: the verdicts by our
language, literally, and on each dialect whether they are exact, which is not said, or refused, and why.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import yaml
from msgspec import Struct

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.parse import load_one
from edict_agent.translate import Dialect, PlacedPolicy

TEAM = "platform"
FOLDER = Path(__file__).parent
_EVERYBODY: dict[str, Any] = {"namespaces": {}}

Ends: TypeAlias = Literal["allow", "deny", "deny/allow", "allow/deny", "deny/deny"]
"""``egress/ingress``. One word is the source's, or the destination's where that alone is a pod; the other allows."""
Codes: TypeAlias = str | dict[str, str]
"""A code for the only policy, or by the names of those that are meant."""


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """One case.

    Attributes:
        name: what holds.
        policies: ``spec`` of ClusterNetworkPolicies with defaults (tier Admin, priority 10 times the place in the list,
            everybody as subject), and beside it ``name``, ``mode`` and ``onInexact``.
        local: NetworkPolicies; ``metadata.namespace`` as ``namespace``, the rest is ``spec``.
        flows: what is asked, with the verdict.
        refused: by dialect, which policies are refused and with what code; all others are exact.
        stricter: by dialect, which are rendered stricter than they are, and why.
        options: options of Cilium, for the translation and for its engine.
        facts: facts of the cluster in place of those that are known, by their names in a facts file; options there are
            for the translation alone, and may be those of which the engine knows nothing.
        why: the hazard, where the name does not say it.
    """

    name: str
    policies: list[dict[str, Any]]
    flows: dict[str, Ends]
    local: list[dict[str, Any]] = []
    refused: dict[Dialect, Codes] = {}
    stricter: dict[Dialect, Codes] = {}
    options: dict[str, str] = {}
    facts: dict[str, Any] = {}
    why: str = ""

    def placed(self) -> list[PlacedPolicy]:
        """Return the policies, parsed as documents are."""
        return [_placed(index, body) for index, body in enumerate(self.policies)]

    def network_policies(self) -> list[NetworkPolicy]:
        """Return the cluster's own."""
        return [network_policy(body) for body in self.manifests()]

    def manifests(self) -> list[dict[str, Any]]:
        """Return the manifests of the cluster's own."""
        return [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": f"local-{index}", "namespace": body["namespace"]},
                "spec": {key: value for key, value in body.items() if key != "namespace"},
            }
            for index, body in enumerate(self.local)
        ]


class Departure(Struct, frozen=True, forbid_unknown_fields=True):
    """Objects that a person might write for a plugin, and a verdict of it that is not the specification's.

    ``means`` says what is translated instead, or why it is refused, by a case that holds it.
    """

    name: str
    part: str
    objects: list[dict[str, Any]]
    plugin: dict[str, Ends]
    specification: dict[str, Ends]
    means: str
    options: dict[str, str] = {}


@lru_cache
def cases() -> tuple[Case, ...]:
    """Return all cases, each name once."""
    found = [
        case for file in sorted(FOLDER.glob("*.yaml")) if file.stem != "departures" for case in _read(file, list[Case])
    ]
    assert len({case.name for case in found}) == len(found)
    return tuple(found)


def must_be_exact() -> tuple[Case, ...]:
    """Return the cases that no dialect with tiers may refuse."""
    return tuple(_read(FOLDER / "must_be_exact.yaml", list[Case]))


@lru_cache
def departures() -> tuple[Departure, ...]:
    """Return the verdicts of plugins that are not the specification's."""
    return tuple(_read(FOLDER / "departures.yaml", list[Departure]))


def _read(file: Path, kind: Any) -> Any:
    body = yaml.safe_load(file.read_text())
    return msgspec.convert(body["cases"], kind)


def _placed(index: int, given: dict[str, Any]) -> PlacedPolicy:
    spec = {"tier": "Admin", "priority": 10 * index, "subject": _EVERYBODY} | given
    name = str(spec.pop("name", f"p{index}"))
    around = {key: spec.pop(key) for key in ("mode", "onInexact") if key in spec}
    document = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"placement": {"clusterSelector": {}}, "policy": spec} | around,
    }
    parsed = load_one(json.dumps(document), name)
    assert isinstance(parsed, FederatedNetworkPolicy)
    return PlacedPolicy(team=TEAM, name=name, digest=Digest("ab" * 32), document=parsed)
