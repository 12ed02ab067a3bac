"""A team's limits, before anybody signs: what is beyond them is refused, what they narrow is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edict.policy.documents import AnyDocument, FederatedNetworkPolicy
from edict.trust.holding import Holding
from edict.trust.limits import UNLIMITED, Limits, limited


def limits_of(path: str, holdings: Mapping[str, Holding]) -> Limits:
    """Return the limits of the team that owns a path."""
    holding = holdings.get(path.rpartition("/")[0])
    return UNLIMITED if holding is None else holding.limits


def in_words(limits: Mapping[str, Any]) -> str:
    """Return limits, as :func:`edict.trust.limits.to_plain` gives them, in the words of `edict trust delegate`."""
    names = {"tiers": "tier", "actions": "action", "namespaces": "namespace", "policies": "policy"}
    said = []
    for name, value in limits.items():
        match name:
            case "priorities":
                said.append(f"priority {value['first']}-{value['last']}")
            case "maxDays":
                said.append(f"max-days {value}")
            case "clusters":
                said.append(f"cluster-selector {_labels(value)}")
            case _:
                said.append(f"{names[name]} {','.join(value)}")
    return "; ".join(said)


def _labels(selector: Mapping[str, Any]) -> str:
    chosen = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    for one in selector.get("matchExpressions", ()):
        values = f" ({','.join(one['values'])})" if one.get("values") else ""
        chosen.append(f"{one['key']} {one['operator']}{values}")
    return ",".join(chosen) or "every"


def within(documents: Mapping[str, AnyDocument], holdings: Mapping[str, Holding]) -> dict[str, AnyDocument]:
    """Return documents as agents read them: each policy narrowed to the namespaces of its team.

    Raises:
        TrustError: EDICT0215 when one says what its team may not say.
    """
    return {
        path: limited(document, limits_of(path, holdings), path)
        if isinstance(document, FederatedNetworkPolicy)
        else document
        for path, document in documents.items()
    }


def narrowings(documents: Mapping[str, AnyDocument], holdings: Mapping[str, Holding]) -> Iterator[str]:
    """Yield what the limits of its team take from each policy that stays."""
    for path, document in sorted(documents.items()):
        allowed = limits_of(path, holdings)
        if not isinstance(document, FederatedNetworkPolicy):
            continue
        if allowed.namespaces is not None:
            yield f"Note: {path} is about pods in {', '.join(allowed.namespaces)} alone: its team's limits say so."
        if allowed.clusters is not None:
            yield f"Note: {path} counts only on clusters that its team's limits select as well."
