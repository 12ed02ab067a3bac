"""Pure translation of placed policies to a dialect's objects. No I/O, no clock; the CLI imports it to preview.

``translate`` is the way in, and a ``Translator`` that is kept where policies change. A policy is translated exactly or
refused as a whole, with a coded reason for each rule that is not exact. Each dialect is a package of its own; what they
share stands beside them.
"""

from edict_agent.translate._translate import Translator, translate
from edict_agent.translate.detect import choose_dialect
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.translate.plan import PlacedPolicy, Plan, PolicyPlan, RenderedObject

__all__ = [
    "Dialect",
    "Facts",
    "PlacedPolicy",
    "Plan",
    "PolicyPlan",
    "RenderedObject",
    "Translator",
    "choose_dialect",
    "translate",
]
