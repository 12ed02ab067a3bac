"""Writes one object: looks, applies only what differs, takes foreign fields away, and says what happened."""

from __future__ import annotations

import httpx2
from tenacity import wait_random_exponential

from edict import log
from edict.clock import Clock
from edict.errors import AgentError
from edict_agent.backoff import delay
from edict_agent.codes import Code
from edict_agent.kube import Kube, Live, Resource, as_agent_error, is_conflict
from edict_agent.metrics import Metrics
from edict_agent.reconcile.compare import Path, conforms, foreign_fields, is_ours
from edict_agent.reconcile.wanted import Progress, Wanted, snapshot_of, title_of

RETRY = wait_random_exponential(multiplier=0.5, max=60)
_log = log.get("edict_agent.write")


class Writer:
    """The one place that changes policy objects."""

    def __init__(self, kube: Kube, *, clock: Clock, metrics: Metrics) -> None:
        self._kube = kube
        self._clock = clock
        self._metrics = metrics

    async def keep(self, wanted: Wanted, progress: Progress, seen: Live | None) -> Live | None:
        """Make one object stand; failures are left in ``progress``, with the time of the next try.

        Returns:
            The object as it is now known to be stored, or None when nothing new is known.
        """
        if seen is not None and _stands(wanted, progress, seen):
            _settle(wanted, progress, seen)
            return None
        try:
            live = seen or await self._kube.get(wanted.resource, wanted.key[2], wanted.key[1])
            if live is not None and not is_ours(live):
                raise _foreign(wanted)
            if live is not None and _stands(wanted, progress, live):
                _settle(wanted, progress, live)
                return live
            reverting = progress.settled == wanted.body
            if reverting and not self._may_revert(wanted, progress):
                return live
            drift = "" if not reverting else "deleted" if live is None else "changed"
            return await self._write(wanted, progress, drift)
        except AgentError as error:
            self._fail(wanted, progress, error)
        except httpx2.HTTPError as error:
            self._fail(wanted, progress, as_agent_error(error, wanted.title))
        return None

    async def remove(self, resource: Resource, live: Live) -> bool:
        """Delete an object of ours as it was last seen; tell whether it is gone."""
        title = title_of(resource, live)
        try:
            await self._kube.delete(resource, live)
        except httpx2.HTTPError as error:
            if is_conflict(error):
                _log.info("object changed, not removed", object=title)
                return False
            coded = as_agent_error(error, title)
            _log.warning("object not removed", object=title, code=coded.code, error=str(coded))
            self._metrics.apply_error(coded.code)
            return False
        _log.info("object removed", object=title)
        return True

    async def _write(self, wanted: Wanted, progress: Progress, drift: str) -> Live:
        live = await self._kube.apply(wanted.resource, wanted.body)
        beside = _beside(wanted, progress, live)
        if beside:
            live = await self._kube.drop_fields(wanted.resource, live, beside)
        _log.info("object applied", object=wanted.title, policy=wanted.policy, dropped=len(beside))
        if drift:
            progress.count_revert(self._clock.monotonic())
            self._metrics.revert(wanted.resource.kind)
            _log.warning("drift reverted", object=wanted.title, policy=wanted.policy, drift=drift)
        _settle(wanted, progress, live)
        return live

    def _may_revert(self, wanted: Wanted, progress: Progress) -> bool:
        if progress.may_revert(self._clock.monotonic()):
            return True
        progress.error = AgentError(
            Code.CONTENDED,
            f"somebody changed it back {len(progress.reverts)} times within an hour",
            where=wanted.title,
            remedy="find who else writes it in its managedFields and stop that",
        )
        _log.error("object contended", object=wanted.title, code=progress.error.code)
        return False

    def _fail(self, wanted: Wanted, progress: Progress, error: AgentError) -> None:
        progress.failures += 1
        progress.error = error
        progress.due = self._clock.monotonic() + max(delay(RETRY, progress.failures), 0.1)
        self._metrics.apply_error(error.code)
        _log.warning("object not applied", object=wanted.title, code=error.code, error=str(error))


def _stands(wanted: Wanted, progress: Progress, live: Live) -> bool:
    """Tell whether the live object is as wanted: as our last write left it, or, before any, by the plan alone."""
    if progress.settled == wanted.body and progress.standing is not None:
        return snapshot_of(wanted, live) == progress.standing
    return conforms(wanted.body, live)


def _settle(wanted: Wanted, progress: Progress, live: Live) -> None:
    progress.settled = wanted.body
    progress.standing = snapshot_of(wanted, live)
    progress.error = None
    progress.failures = 0
    progress.due = 0.0


def _beside(wanted: Wanted, progress: Progress, live: Live) -> list[Path]:
    """Return what stands in the spec beside ours: owned by others, or new since our last write of the same body."""
    paths = foreign_fields(wanted.body, live)
    if progress.settled == wanted.body and progress.standing is not None:
        known = progress.standing.get("spec") or {}
        paths += [
            ("spec", field) for field in live.get("spec") or {} if field not in known and ("spec", field) not in paths
        ]
    return paths


def _foreign(wanted: Wanted) -> AgentError:
    return AgentError(
        Code.FOREIGN_OBJECT,
        "an object of this name exists and is not Edict's",
        where=wanted.title,
        remedy="rename or delete it; Edict takes nothing over",
    )
