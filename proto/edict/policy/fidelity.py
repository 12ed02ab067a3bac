"""How exactly a dialect says a rule: the words that plans, statuses and receipts share."""

from __future__ import annotations

import enum
from typing import Literal

from msgspec import Struct


class Fidelity(enum.StrEnum):
    """``exact``: every verdict the same; ``approximate``: differs one way; ``unsupported``: refused.

    ``waived``: a waiver takes the rule out before it is translated; only receipts say so.
    """

    EXACT = "exact"
    APPROXIMATE = "approximate"
    UNSUPPORTED = "unsupported"
    WAIVED = "waived"


class RuleFidelity(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """The fidelity of one rule, with a reason where it is not exact.

    ``rule`` is ``ingress[i]`` or ``egress[i]`` by its place in the document; ``code`` is ``EDICT05xx``;
    ``remedy`` says what an author could write instead, and is empty where there is nothing.
    """

    rule: str
    fidelity: Fidelity
    direction: Literal["", "stricter", "looser"] = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""
