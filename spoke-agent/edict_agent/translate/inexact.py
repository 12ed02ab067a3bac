"""How a dialect says that it cannot say something."""

from __future__ import annotations

from edict.policy.fidelity import Fidelity, RuleFidelity
from edict_agent.translate.codes import Reason


class InexactError(Exception):
    """Raised inside a dialect and caught where a policy's rules are gathered; it never leaves ``translate``.

    Args:
        reason: the code.
        what: what this rule asks for that the plugin cannot do, in the author's words.
        remedy: what the author could write instead; empty when there is nothing.
    """

    def __init__(self, reason: Reason, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what
        self.remedy = remedy


def masqueraded(everything: str) -> InexactError:
    """Return why a source is not known by its address; ``everything`` is what of all addresses a plugin can say."""
    return InexactError(
        Reason.INGRESS_NETWORK,
        "a source address may be that of a node that forwarded the connection",
        f"select pods or namespaces, or every address of {everything}",
    )


def unsupported(rule: str, error: InexactError) -> RuleFidelity:
    """Return the fidelity of a rule that the dialect cannot say."""
    return RuleFidelity(
        rule=rule,
        fidelity=Fidelity.UNSUPPORTED,
        code=error.reason.code,
        reason=error.what,
        remedy=error.remedy,
    )


def exact(rule: str) -> RuleFidelity:
    """Return the fidelity of a rule that the dialect says exactly."""
    return RuleFidelity(rule=rule, fidelity=Fidelity.EXACT)
