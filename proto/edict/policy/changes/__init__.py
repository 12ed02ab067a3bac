"""Which connections change their verdict between two sets of policies, as sets of connections with an example of each.

It has no I/O. ``edict diff`` prints what it says; :mod:`edict.policy.semantics` is what it is tested by.
"""

from edict.policy.changes.compare import compare
from edict.policy.changes.deciders import Placed, RuleRef
from edict.policy.changes.example import Example, example_of
from edict.policy.changes.outcomes import Change, Outcome, Ruling
from edict.policy.changes.regions import EVERY_KIND, VERSIONS, About, Fact, Kind, Region

__all__ = [
    "EVERY_KIND",
    "VERSIONS",
    "About",
    "Change",
    "Example",
    "Fact",
    "Kind",
    "Outcome",
    "Placed",
    "Region",
    "RuleRef",
    "Ruling",
    "compare",
    "example_of",
]
