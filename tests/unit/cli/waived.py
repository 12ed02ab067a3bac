"""Waivers for tests of the command line: a federation in which somebody may sign them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from edict.trust.holding import Holding
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.roles import WAIVERS
from edict_cli.preparing import prepare
from edict_cli.store.workspace import Workspace


def delegate(workspace: Workspace, limits: Limits = UNLIMITED) -> None:
    """Let a new key of this workspace sign waivers: pending, until the next publish."""
    held = workspace.keys.publics(WAIVERS) or [workspace.keys.create(WAIVERS, None)]
    wanted = workspace.pending.wanted()
    holding = Holding(tuple(held), 1, limits)
    base = workspace.repository.base(workspace.repository.state())
    prepare(workspace, base, replace(wanted, holdings={**wanted.holdings, WAIVERS: holding}))


def waiver(name: str, policy: str, expires: datetime, *, rule: str = "", clusters: str = "{}") -> bytes:
    """A waiver of a policy, or of one egress rule of it."""
    part = f"\n  rule: {{direction: egress, name: {rule}}}" if rule else ""
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: Waiver
metadata: {{name: {name}}}
spec:
  policy: {policy}{part}
  clusters: {clusters}
  reason: the vendor's hotfix needs it
  approver: Ann Other
  expires: "{expires.isoformat()}"
""".encode()
