"""The one error tree. Every error a person can meet has a code, a place, what is wrong and what to do next.

::

    EdictError
    ├── DocumentError      EDICT01xx  a document cannot be read or is not allowed
    ├── TrustError         EDICT02xx  a signature, a version, a digest or a delegation does not hold
    ├── IdentityError      EDICT03xx  a name, a certificate, a token
    ├── HubError           EDICT04xx  the hub or its store refused or could not be reached
    ├── AgentError         EDICT05xx  the agent could not translate, apply or keep
    └── UsageError         EDICT06xx  a command was given something it cannot use

The printed form is ``Error [EDICT0107] (FederatedNetworkPolicy deny-egress spec.policy.egress[2]
policy.yaml:31) what. Try: how``, on one line.
"""

from __future__ import annotations

from typing import ClassVar


def printable(text: str) -> str:
    r"""Return text of others on one line that does nothing to a terminal: other blanks become spaces, ESC ``\x1b``.

    What Unicode calls not printable is escaped: control characters of both sets, and what turns the direction of text.
    """
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()


class EdictError(Exception):
    """The root of the tree.

    Args:
        number: the code's number; its first two digits belong to the class.
        what: one sentence without a full stop: what is wrong.
        where: the place (file:line, path of the field, key in etcd, method); empty when there is none.
        remedy: what to do next, as an instruction; empty when nothing can be done.
    """

    family: ClassVar[int] = 0
    exit_code: ClassVar[int] = 2

    def __init__(self, number: int, what: str, *, where: str = "", remedy: str = "") -> None:
        if number // 100 != self.family:
            msg = f"code {number:04d} does not belong to {type(self).__name__}"
            raise ValueError(msg)
        super().__init__(what)
        self.code = f"EDICT{number:04d}"
        self.what = what
        self.where = where
        self.remedy = remedy

    def diagnostics(self) -> str:
        """Return the printed form, on one line."""
        place = f" ({self.where})" if self.where else ""
        remedy = f" Try: {self.remedy}" if self.remedy else ""
        return printable(f"Error [{self.code}]{place} {self.what.rstrip('.')}.{remedy}")

    def __str__(self) -> str:
        """Return the printed form, so that a log line carries code and remedy too."""
        return self.diagnostics()


class DocumentError(EdictError):
    """A document cannot be read, is not valid, or is not allowed where it stands."""

    family = 1


class TrustError(EdictError):
    """Something signed does not verify: the caller keeps what it had."""

    family = 2


class IdentityError(EdictError):
    """A name, certificate, key or token is not what it must be."""

    family = 3


class HubError(EdictError):
    """The hub or its store refused, or could not be reached."""

    family = 4


class AgentError(EdictError):
    """The agent could not translate, apply or keep what it was given."""

    family = 5


class UsageError(EdictError):
    """A command was given something that it cannot use."""

    family = 6
