"""The roles of the delegation graph, and the paths that each may name.

::

    root ── timestamp          (online, at the hub: which snapshot is newest)
         ├─ snapshot           (the publisher: the set of all versions = one release)
         └─ targets            (delegates, names nothing itself)
              ├─ inventory            inventory/<cluster>
              └─ policies/<team>      delegates, names nothing itself
                   └─ policies/<team>-<hex>   hash bins: policies/<team>/<name>
"""

from __future__ import annotations

import re

ROOT = "root"
TARGETS = "targets"
SNAPSHOT = "snapshot"
TIMESTAMP = "timestamp"
INVENTORY = "inventory"

TEAM_ROLE = re.compile(r"policies/([a-z0-9](?:[-a-z0-9]{0,30}[a-z0-9])?)")
"""A team is a DNS-1123 label of at most 32 characters."""


def team_role(team: str) -> str:
    """Return the role that delegates to a team's bins."""
    return f"policies/{team}"


def team_of(role: str) -> str | None:
    """Return the team of a ``policies/<team>`` role, or None for any other role."""
    match = TEAM_ROLE.fullmatch(role)
    return match.group(1) if match else None


def policy_path(team: str, name: str) -> str:
    """Return the target path of a policy."""
    return f"policies/{team}/{name}"


def cluster_path(name: str) -> str:
    """Return the target path of a cluster's inventory document."""
    return f"inventory/{name}"


def delegated_paths(role: str) -> list[str]:
    """Return the path patterns that the top-level targets role must delegate to a role, and no others."""
    return [f"{role}/*"]
