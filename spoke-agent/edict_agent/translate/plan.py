"""What translation takes and returns: placed policies in, a plan with objects and fidelities out."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.fidelity import RuleFidelity
from edict_agent.translate.dialect import Dialect

Body: TypeAlias = dict[str, Any]
"""A Kubernetes manifest, or a part of one, as JSON would have it."""


class PlacedPolicy(Struct, frozen=True):
    """A verified policy that selects this cluster. ``digest`` is of the signed bytes."""

    team: str
    name: str
    digest: Digest
    document: FederatedNetworkPolicy

    @property
    def id(self) -> str:
        """``team/name``, by which the policy is known across the federation."""
        return f"{self.team}/{self.name}"


class RenderedObject(Struct, frozen=True, gc=False):
    """One object to apply by server-side apply.

    ``policy`` is the id of the policy that it belongs to, :data:`edict.policy.lockout.WAY_OUT_ID` when to none;
    ``body`` is the whole manifest; ``namespace`` is empty where the kind has none.
    """

    api_version: str
    kind: str
    name: str
    policy: str
    body: Body
    namespace: str = ""

    @property
    def title(self) -> str:
        """Its name, behind ``namespace/`` where it has one: unique among the objects of its kind."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class PolicyPlan(Struct, frozen=True, gc=False):
    """What becomes of one policy.

    When it is ``refused`` it has no objects, ``code`` and ``reason`` are those of the first rule that is not
    exact, and the agent keeps what stands of its previous version. ``objects`` are titles of
    :class:`RenderedObject`; a policy whose rules need none, such as a Pass before nothing, is exact and has none.
    """

    policy: str
    digest: Digest
    refused: bool
    rules: tuple[RuleFidelity, ...]
    objects: tuple[str, ...] = ()
    code: str = ""
    reason: str = ""
    remedy: str = ""


class Plan(Struct, frozen=True):
    """Everything that should stand in the cluster: what belongs to no policy first, then by policy."""

    dialect: Dialect
    objects: tuple[RenderedObject, ...]
    policies: tuple[PolicyPlan, ...]

    def to_json(self) -> bytes:
        """Return canonical bytes: equal plans have equal bytes."""
        return msgspec.json.encode(self, order="sorted")
