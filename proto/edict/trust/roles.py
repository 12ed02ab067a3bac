"""The roles of the delegation graph, and the paths that each may name.

::

    root ── timestamp          (online, at the hub: which snapshot is newest)
         ├─ snapshot           (the publisher: the set of all versions = one release)
         └─ targets            (delegates, names nothing itself)
              ├─ inventory            inventory/<cluster>
              ├─ waivers              waivers/<waiver>; a federation may do without
              └─ policies/<team>      delegates, names nothing itself
                   └─ policies/<team>-<hex>   hash bins: policies/<team>/<name>
"""

from __future__ import annotations

import re
from collections.abc import Collection

ROOT = "root"
TARGETS = "targets"
SNAPSHOT = "snapshot"
TIMESTAMP = "timestamp"
INVENTORY = "inventory"
WAIVERS = "waivers"
FLAT = frozenset({INVENTORY, WAIVERS})
"""The roles below targets that name their documents themselves."""

TEAM_ROLE = re.compile(r"policies/([a-z0-9](?:[-a-z0-9]{0,30}[a-z0-9])?)")
"""A team is a DNS-1123 label of at most 32 characters."""
_BIN = re.compile(r"(policies/.+)-[0-9a-f]{1,3}")


def team_role(team: str) -> str:
    """Return the role that delegates to a team's bins."""
    return f"policies/{team}"


def team_of(role: str) -> str | None:
    """Return the team of a ``policies/<team>`` role, or None for any other role."""
    match = TEAM_ROLE.fullmatch(role)
    return match.group(1) if match else None


def clashing(role: str, others: Collection[str]) -> str | None:
    """Return the team role among others of which this team role could be a bin, at any number of bins; or None.

    Bins are named ``<role>-<hex>`` with one digit at first and up to three as the team grows.
    """
    found = _BIN.fullmatch(role)
    return found[1] if found is not None and found[1] in others else None


def owner_of_role(role: str, teams: Collection[str]) -> str:
    """Return whose keys sign a role: of a bin its team's role, of every other role itself.

    Args:
        role: any role below targets.
        teams: the roles that targets delegates to.
    """
    return role if role in teams else (clashing(role, teams) or role)


def policy_path(team: str, name: str) -> str:
    """Return the target path of a policy."""
    return f"policies/{team}/{name}"


def policy_path_of(policy: str) -> str:
    """Return the target path of a policy that is called ``team/name``."""
    return f"policies/{policy}"


def cluster_path(name: str) -> str:
    """Return the target path of a cluster's inventory document."""
    return f"inventory/{name}"


def waiver_path(name: str) -> str:
    """Return the target path of a waiver."""
    return f"waivers/{name}"


def delegated_paths(role: str) -> list[str]:
    """Return the path patterns that the top-level targets role must delegate to a role, and no others."""
    return [f"{role}/*"]
