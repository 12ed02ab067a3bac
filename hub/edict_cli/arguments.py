"""Small languages of the command line: labels, placements, durations, names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from edict.errors import DocumentError, UsageError
from edict.ids import ClusterName, is_dns_label
from edict.policy.documents import ManagedCluster, ManagedClusterSpec, ObjectMeta, Placement
from edict.policy.model import LabelSelector
from edict.policy.validate import policy_id, validate
from edict_cli.codes import Code

_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def labels(pairs: Iterable[str], *, where: str, remedy: str = "write key=value, such as env=prod") -> dict[str, str]:
    """Read ``key=value`` pairs.

    Raises:
        UsageError: EDICT0610.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not _is_label(key, value):
            raise UsageError(Code.LABEL, f"{pair!r} is no label", where=where, remedy=remedy)
        if found.setdefault(key, value) != value:
            raise UsageError(Code.LABEL, f"the label {key} is given twice", where=where, remedy="keep one of them")
    return found


def placement(text: str) -> Placement:
    """Read ``all`` or ``key=value[,key=value]``.

    Raises:
        UsageError: EDICT0610.
    """
    if text == "all":
        return Placement(LabelSelector())
    remedy = "write all for every cluster, or key=value[,key=value], such as env=prod"
    return Placement(LabelSelector(match_labels=labels(text.split(","), where="--placement", remedy=remedy)))


def duration(text: str, *, where: str, most: timedelta) -> timedelta:
    """Read ``90s``, ``15m``, ``1h`` or ``2d``, above nothing and at most ``most``.

    Raises:
        UsageError: EDICT0617.
    """
    found = _DURATION.fullmatch(text)
    span = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else timedelta()
    if not timedelta() < span <= most:
        hours = int(most.total_seconds()) // 3600
        raise UsageError(
            Code.DURATION, f"{text!r} cannot be used", where=where, remedy=f"write it like 15m or 1h, at most {hours}h"
        )
    return span


def cluster_name(text: str) -> ClusterName:
    """Return a cluster's name.

    Raises:
        UsageError: EDICT0619.
    """
    if not is_dns_label(text):
        raise UsageError(
            Code.NAME,
            f"{text!r} is no cluster's name",
            where="NAME",
            remedy="write at most 63 of a-z 0-9 - that begin and end with a letter or a digit",
        )
    return ClusterName(text)


def waiver_name(text: str) -> str:
    """Return a waiver's name.

    Raises:
        UsageError: EDICT0619.
    """
    if not is_dns_label(text):
        raise UsageError(
            Code.NAME, f"{text!r} is no waiver's name", where="NAME", remedy="`edict get waivers` lists what there is"
        )
    return text


def team_and_name(text: str, *, where: str) -> tuple[str, str]:
    """Read ``TEAM/NAME``.

    Raises:
        UsageError: EDICT0619.
    """
    team, separator, name = text.partition("/")
    try:
        if separator:
            policy_id(team, name)
            return team, name
    except DocumentError:
        pass
    raise UsageError(Code.NAME, f"{text!r} is not TEAM/NAME", where=where, remedy="write it like payments/deny-egress")


def _is_label(key: str, value: str) -> bool:
    """Ask the documents' own rules, which are those of Kubernetes."""
    metadata = ObjectMeta("any", {key: value})
    spec = ManagedClusterSpec(plugin="other")
    try:
        validate(ManagedCluster(api_version="federation.edict.dev/v1alpha1", metadata=metadata, spec=spec))
    except DocumentError:
        return False
    return True
