"""What should stand, and how far it has come: the words that the keeper shares with reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edict.errors import AgentError
from edict_agent.codes import Code
from edict_agent.kube import Live, Resource
from edict_agent.reconcile.compare import SAID
from edict_agent.reconcile.reflector import Key
from edict_agent.translate.objects import POLICY_LABEL
from edict_agent.translate.plan import RenderedObject

MAX_REVERTS = 10
WINDOW = 3600.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object of the verified plan."""

    resource: Resource
    body: Mapping[str, Any]
    policy: str

    @property
    def key(self) -> Key:
        """The object's key."""
        metadata = self.body["metadata"]
        return (self.resource.plural, metadata.get("namespace", ""), metadata["name"])

    @property
    def label(self) -> str:
        """The value of its policy label; empty when it belongs to no policy."""
        return str((self.body["metadata"].get("labels") or {}).get(POLICY_LABEL, ""))

    @property
    def title(self) -> str:
        """How messages name it: ``Kind name``, or ``Kind namespace/name``."""
        return title_of(self.resource, self.body)


def title_of(resource: Resource, body: Mapping[str, Any]) -> str:
    """Return how messages name an object."""
    metadata = body["metadata"]
    return f"{resource.kind} {'/'.join(filter(None, (metadata.get('namespace'), metadata['name'])))}"


@dataclass(slots=True)
class Progress:
    """How far one wanted object has come.

    Attributes:
        settled: the body that stood in the cluster when last seen to conform; None before that.
        standing: the live ``spec`` and labels that our last write made, defaults included.
        error: why it does not stand; None when it does, or when it was not tried yet.
        failures: in a row.
        due: monotonic time before which it is not tried again.
        reverts: monotonic times of the last drift reverts.
        reverted: drift reverts since the agent started.
    """

    settled: Mapping[str, Any] | None = None
    standing: Mapping[str, Any] | None = None
    error: AgentError | None = None
    failures: int = 0
    due: float = 0.0
    reverts: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_REVERTS))
    reverted: int = 0

    def may_revert(self, now: float) -> bool:
        """Tell whether one more revert stays below the limit of an hour; else say when it may be tried again."""
        if len(self.reverts) < MAX_REVERTS or now - self.reverts[0] >= WINDOW:
            return True
        self.due = self.reverts[0] + WINDOW
        return False

    def count_revert(self, now: float) -> None:
        """Remember one revert."""
        self.reverts.append(now)
        self.reverted += 1


def snapshot_of(wanted: Wanted, live: Live) -> Mapping[str, Any]:
    """Return the part of a live object that only we may change: what it says, our labels and our annotations."""
    held, rendered = live.get("metadata") or {}, wanted.body["metadata"]
    return {
        **{part: live.get(part) for part in SAID},
        **{
            part: {key: (held.get(part) or {}).get(key) for key in rendered.get(part) or {}}
            for part in ("labels", "annotations")
        },
    }


def wanted_from(rendered: RenderedObject, kinds: tuple[Resource, ...]) -> Wanted:
    """Return a rendered object with the resource it is written to.

    Raises:
        AgentError: EDICT0562 when the dialect has no such kind.
    """
    for resource in kinds:
        if (resource.api_version, resource.kind) == (rendered.api_version, rendered.kind):
            return Wanted(resource, rendered.body, rendered.policy)
    raise AgentError(
        Code.NO_API, f"the dialect has no kind {rendered.kind} of {rendered.api_version}", where=rendered.name
    )
