"""Two sets of documents compared: from files to what changes, in the shape that ``edict diff -o json`` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from edict.policy.changes import Change, Placed, Region, RuleRef, Ruling, compare, example_of
from edict.policy.checks import PolicySource
from edict.policy.model import LabelSelector, Mode
from edict.policy.placement import selects
from edict.policy.rules import Direction, rules_of
from edict.policy.space import Ground
from edict_cli.example_view import Connection, connection
from edict_cli.output import Sheet
from edict_cli.policy_files import only_policies
from edict_cli.region_words import (
    clusters_in_words,
    example_in_words,
    peer_in_words,
    spoken_in_words,
    subject_in_words,
)

TEAM = "diff"
"""Stands for every team: files do not say whose they are."""
CHANGES, MAY_CHANGE = "changes", "may change"


class Part(Struct, frozen=True, rename="camel"):
    """Connections that change alike: a product of clusters, subject, peer and protocols, each in words.

    ``example`` is one of them in words, and ``connection`` the same for a program; neither is there where it only may
    be that one changes.
    """

    clusters: str
    subject: str
    peer: str
    protocols: str
    example: str = ""
    connection: Connection | None = None


class VerdictChange(Struct, frozen=True, rename="camel"):
    """What one pair of rules changes. ``verdict`` is ``changes`` or ``may change``."""

    direction: Direction
    verdict: str
    old: Ruling
    new: Ruling
    parts: tuple[Part, ...]


class Comparison(Struct, frozen=True, rename="camel"):
    """What ``edict diff -o json`` prints."""

    changes: tuple[VerdictChange, ...]


def read_set(path: Path, cluster: Mapping[str, str] | None) -> list[Placed]:
    """Return the policies of a file or folder that are in force; with labels of a cluster, those for it, placed.

    Raises:
        DocumentError: a document is wrong, or two have one name; all others that are have been told.
        UsageError: EDICT0603, EDICT0618.
    """
    return [
        _placed(source, everywhere=cluster is not None)
        for source in only_policies([path], TEAM, or_none=True)
        if source.document.spec.mode is Mode.ENFORCE
        and (cluster is None or selects(source.document.spec.placement, cluster))
    ]


def compared(old: Sequence[Placed], new: Sequence[Placed], ground: Ground, agent_namespace: str) -> Comparison:
    """Return what changes, with an example of each part."""
    changes = compare(old, new, ground, agent_namespace)
    return Comparison(tuple(_change(one, ground) for one in changes))


def sheet(comparison: Comparison) -> Sheet:
    """Return a row for each part; the clusters only where it is not every one."""
    rows = [
        [
            change.verdict,
            change.direction.value,
            part.clusters,
            part.subject,
            part.peer,
            part.protocols,
            ruling_in_words(change.old),
            ruling_in_words(change.new),
            part.example or "-",
        ]
        for change in comparison.changes
        for part in change.parts
    ]
    columns = ["verdict", "direction", "clusters", "subject", "peer", "protocols", "old", "new", "example"]
    everywhere = all(row[2] == "every" for row in rows)
    return Sheet(columns, rows, frozenset({"clusters"} if everywhere else ()))


def ruling_in_words(ruling: Ruling) -> str:
    """Return an outcome and the rules that made it."""
    made = [_rule(ruling.rule)] if ruling.rule is not None else []
    if ruling.passed is not None:
        made.append(f"after Pass by {_rule(ruling.passed)}")
    return f"{ruling.outcome.value} ({', '.join(made)})" if made else ruling.outcome.value


def _rule(rule: RuleRef) -> str:
    return " ".join(one for one in (rule.policy, rule.rule, rule.name) if one)


def _placed(source: PolicySource, *, everywhere: bool) -> Placed:
    spec = source.document.spec
    places = {rule.place: _line(source, rule.place) for rule in rules_of(spec.policy)}
    lines = {place: f"{source.origin.source}:{line}" for place, line in places.items() if line is not None}
    selector = LabelSelector() if everywhere else spec.placement.cluster_selector
    return Placed(source.document.metadata.name, spec.policy, selector, lines)


def _line(source: PolicySource, place: str) -> int | None:
    return source.origin.line(source.origin.written(f"spec.policy.{place}"))


def _change(change: Change, ground: Ground) -> VerdictChange:
    return VerdictChange(
        change.direction,
        CHANGES if change.is_certain else MAY_CHANGE,
        change.old,
        change.new,
        tuple(_part(region, change, ground) for region in change.regions),
    )


def _part(region: Region, change: Change, ground: Ground) -> Part:
    made = example_of(region, change.direction, ground) if change.is_certain else None
    return Part(
        clusters_in_words(region),
        subject_in_words(region),
        peer_in_words(region, ground),
        spoken_in_words(region),
        "" if made is None else example_in_words(made),
        None if made is None else connection(made),
    )
