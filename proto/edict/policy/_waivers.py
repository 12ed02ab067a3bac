"""Waivers: every word of one is read by people who judge an exception, and its end by agents."""

from __future__ import annotations

from msgspec import UNSET

from edict.ids import is_dns_label
from edict.policy._failing import Place
from edict.policy._labels import check_selector
from edict.policy._rules import MAX_RULE_NAME
from edict.policy.codes import Code
from edict.policy.documents import WaiverSpec

MAX_REASON = 1000
MAX_APPROVER = 200
FIRST_YEAR, LAST_YEAR = 2000, 9000
"""Between them every zone has every moment as a date."""


def check_waiver(spec: WaiverSpec, place: Place) -> None:
    """Check the ``spec`` of a waiver. Whether it has ended is not asked: a document does not change with the day."""
    team, slash, name = spec.policy.partition("/")
    if not slash or not is_dns_label(team) or not is_dns_label(name):
        place.child("policy").fail(
            Code.NAME, f"{spec.policy!r} is no policy", "write TEAM/NAME, as `edict get policies` lists them"
        )
    if spec.rule is not UNSET and not 1 <= len(spec.rule.name) <= MAX_RULE_NAME:
        place.child("rule").child("name").fail(
            Code.NAME,
            f"a rule's name has 1 to {MAX_RULE_NAME} characters, and this has {len(spec.rule.name)}",
            "write the name that the rule has in its policy, or remove rule to waive the whole policy",
        )
    check_selector(spec.clusters, place.child("clusters"))
    _words(spec.reason, MAX_REASON, place.child("reason"), "say why the policy is waived")
    _words(spec.approver, MAX_APPROVER, place.child("approver"), "name who answers for the waiver")
    if not FIRST_YEAR <= spec.expires.year <= LAST_YEAR:
        place.child("expires").fail(
            Code.WRONG_VALUE, f"the year {spec.expires.year} is no year for a waiver to end in", "write the day it ends"
        )


def _words(text: str, most: int, place: Place, remedy: str) -> None:
    if not text.strip() or len(text) > most:
        place.fail(Code.WRONG_VALUE, f"it has {len(text.strip())} characters, and 1 to {most} are wanted", remedy)
    if not text.isprintable():
        place.fail(Code.WRONG_VALUE, "it has characters that cannot be printed", "write it on one line")
