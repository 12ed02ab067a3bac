"""What a policy can say: ``constructs.yaml``, read strictly, and its policies parsed as documents are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.parse import load_one
from edict_agent.translate import PlacedPolicy

FILE = Path(__file__).with_name("constructs.yaml")
TEAM = "team"
_ORDINALS = ("first", "second", "third")


class Construct(Struct, frozen=True, forbid_unknown_fields=True):
    """One construct, as the head of the file says."""

    name: str
    policies: list[dict[str, Any]] = []
    subject: dict[str, Any] = {}
    ingress: dict[str, Any] = {}
    egress: dict[str, Any] = {}
    actions: tuple[str, ...] = ("Accept", "Deny")

    def variants(self, shared: dict[str, Any]) -> Iterator[tuple[str, list[PlacedPolicy]]]:
        """Yield the policies to translate, the last of which is judged, by the action that is tried, if several are."""
        if self.policies:
            yield "", _placed(self.policies, shared)
            return
        for action in self.actions:
            rules = {
                direction: [{"action": action} | given]
                for direction, given in (("ingress", self.ingress), ("egress", self.egress))
                if given
            }
            subject = {"subject": self.subject} if self.subject else {}
            yield action, _placed([shared["closed"], subject | rules], shared)


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Constructs that belong together."""

    title: str
    constructs: list[Construct]
    about: str = ""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    shared: dict[str, Any]
    sections: list[Section]


@lru_cache
def sections() -> tuple[Section, ...]:
    """Return all sections; no two constructs have one name."""
    found = tuple(_file().sections)
    names = [construct.name for section in found for construct in section.constructs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SystemExit(f"used twice: {sorted(twice)}")
    return found


@lru_cache
def constructs() -> dict[str, tuple[tuple[str, list[PlacedPolicy]], ...]]:
    """Return the variants of every construct, by its name."""
    shared = _file().shared
    return {one.name: tuple(one.variants(shared)) for section in sections() for one in section.constructs}


@lru_cache
def _file() -> _File:
    return msgspec.convert(yaml.safe_load(FILE.read_text()), _File)


def _placed(policies: list[dict[str, Any]], shared: dict[str, Any]) -> list[PlacedPolicy]:
    if len(policies) == 1:
        names: tuple[str, ...] = ("policy",)
    else:
        names = _ORDINALS[: len(policies)]
    given = [
        {"tier": "Admin", "priority": 10 * place, "subject": shared["shop"]} | body
        for place, body in enumerate(policies, start=1)
    ]
    return [_document(name, body) for name, body in zip(names, given, strict=True)]


def _document(name: str, body: dict[str, Any]) -> PlacedPolicy:
    around = {key: body.pop(key) for key in ("mode", "onInexact") if key in body}
    document = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"placement": {"clusterSelector": {}}, "policy": body} | around,
    }
    parsed = load_one(json.dumps(document), name)
    if not isinstance(parsed, FederatedNetworkPolicy):
        raise SystemExit(f"{name} is no policy")
    return PlacedPolicy(team=TEAM, name=name, digest=Digest("ab" * 32), document=parsed)
