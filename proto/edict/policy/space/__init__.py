"""Connections as sets that can be intersected and subtracted: labels, addresses, protocols, and boxes of them.

Publish finds shadowed rules and ties by it, translation subtracts earlier rules by it, and ``edict diff`` finds the
connections whose verdict changes.
"""

from edict.policy.space.boxes import (
    MAX_BOXES,
    Box,
    TooManyBoxesError,
    boxes_about,
    boxes_of,
    difference,
    joined,
    subject_labels,
    uncovered,
)
from edict.policy.space.peers import Ground, UnknowableError

__all__ = [
    "MAX_BOXES",
    "Box",
    "Ground",
    "TooManyBoxesError",
    "UnknowableError",
    "boxes_about",
    "boxes_of",
    "difference",
    "joined",
    "subject_labels",
    "uncovered",
]
