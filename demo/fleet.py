"""Watches the fleet for the demo: the conformance table as `edict status` sees it, until it is what we wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from demo.screen import Screen
from tests.e2e.federation import CommandError, Federation

Rows = dict[str, Any]


def await_rows(
    federation: Federation, screen: Screen, what: str, holds: Callable[[Rows], bool], *, timeout: float = 60
) -> float:
    """Ask until the status is as wanted; print every change on the way; returns the seconds it took."""
    started = time.monotonic()
    shown = ""
    with screen.working(what):
        while True:
            rows = federation.status()
            line = "   ".join(_brief(name, row) for name, row in sorted(rows.items()))
            if line != shown:
                screen.say(line)
                shown = line
            if holds(rows):
                return time.monotonic() - started
            if time.monotonic() - started > timeout:
                logs = "\n".join(f"--- {agent.name}\n{agent.output()[-2000:]}" for agent in federation.agents.values())
                raise CommandError(f"{what} did not come about within {timeout:.0f} s: {line}\n{logs}")


def states(row: Any) -> dict[str, str]:
    """State of each policy of a cluster, by ``team/name``."""
    return {report["policy"]: report["state"] for report in row["policies"]}


def _brief(name: str, row: Any) -> str:
    counts: dict[str, int] = {}
    for state in states(row).values():
        counts[state] = counts.get(state, 0) + 1
    rollup = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or row["state"]
    return f"{name}: release {row['release']}, {rollup}"
