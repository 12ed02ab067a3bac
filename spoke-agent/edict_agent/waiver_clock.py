"""Judges the waivers of a release again whenever one begins or ends, hub or no hub, on a clock that never goes back."""

from __future__ import annotations

from datetime import datetime, timedelta

from edict import log
from edict.clock import Clock
from edict_agent.memory import Memory
from edict_agent.sync.judge import Judged
from edict_agent.waived import NOTHING_WAIVED, Waived
from edict_agent.waiving import waive

LONGEST_WAIT = 60.0
"""Seconds after which the clock is looked at anyway: a person, or NTP, may have set it."""
MOST_ENDED = 4096
"""Of more, those that ended last are stored: whoever signs waivers must not fill the Secret."""
_log = log.get("edict_agent.waiver_clock")


class WaiverClock:
    """One for the life of the process: what it knows of the time outlives every enforcement.

    What has ended stays ended: in this process because the time goes on from the latest that was seen, whatever the
    wall clock is set to; after a restart because the digests of ended waivers are stored. A renewed waiver is another
    document, and counts.
    """

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._latest, self._at = clock.now(), clock.monotonic()
        self._judged: Judged | None = None
        self._waived = NOTHING_WAIVED

    async def judge(self, judged: Judged) -> Waived:
        """Return what waivers leave of a release now: the same object until that changes."""
        now, known = self._now(judged.at), self._waived
        if judged is self._judged and (known.until is None or now < known.until):
            return known
        waived = waive(judged.policies, judged.waivers, now, self._memory.ended)
        ended = frozenset(waived.ended[-MOST_ENDED:])
        for digest in sorted(ended - self._memory.ended):
            _log.info("waiver ended", document=digest)
        await self._memory.set_ended(ended)
        self._judged, self._waived = judged, waived
        if waived.whole or waived.parts or waived.notes:
            until = waived.until.isoformat() if waived.until else ""
            notes = [note.text for some in waived.notes.values() for note in some]
            _log.warning("policies waived", policies=sorted({*waived.whole, *waived.parts}), until=until, notes=notes)
        return waived

    def wait(self) -> float | None:
        """Return the seconds after which to judge again; None where time changes nothing."""
        if self._judged is None or self._waived.until is None:
            return None
        left = (self._waived.until - self._now(self._judged.at)).total_seconds()
        return min(max(left, 0.0), LONGEST_WAIT)

    def _now(self, least: datetime) -> datetime:
        """Return the time, UTC: not before what it was before, nor before a moment that is known to have been."""
        at = self._clock.monotonic()
        went_on = self._latest + timedelta(seconds=at - self._at)
        self._latest, self._at = max(went_on, self._clock.now(), least), at
        return self._latest
