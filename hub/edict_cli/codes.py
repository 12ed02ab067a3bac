"""The numbers of the command's own errors, one meaning each."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Numbers of :class:`edict.errors.UsageError`."""

    UNEXPECTED = 600
    """A fault of the command itself."""
    COMMAND_LINE = 601
    """An unknown command or option, a missing or wrong argument."""
    INTERRUPTED = 602
    """The person at the terminal ended it."""
    FILE = 603
    """A file cannot be read or written."""
    NO_WORKSPACE = 604
    """The folder is not an author's workspace."""
    WORKSPACE_DAMAGED = 605
    """A file of the workspace is not what `edict init` made or a command left there."""
    ALREADY_THERE = 606
    """`edict init` or `edict cluster add` would overwrite something."""
    PASSPHRASE = 607
    """No passphrase or PIN was given, or the two that were typed differ."""
    NO_TEAM = 608
    """No team was named, or the federation does not have it."""
    ADDRESS = 609
    """An address is not host:port."""
    LABEL = 610
    """A label or placement is not key=value."""
    NO_CLUSTER = 611
    """The cluster is not in the signed inventory."""
    NO_POLICY = 612
    """There is no such policy."""
    CONFLICT = 613
    """What is pending was signed on top of something that is no longer the newest."""
    NOT_ENROLLED = 614
    """The cluster has not shown a receipt key yet."""
    FINGERPRINT = 615
    """The fingerprint is not the one that was expected."""
    NOT_CONFIRMED = 616
    """A question needs an answer and nobody is there to give it, or the answer was no."""
    DURATION = 617
    """A duration that cannot be read or is out of bounds."""
    NOTHING_SIGNED = 618
    """There is nothing to work on: no release, no document, no change."""
    NAME = 619
    """A name that may not be one."""
    KEY_EXPOSED = 620
    """A private key, or the folder of the keys, that others than its owner may read."""
    CERTIFICATE = 621
    """The operator's certificate cannot be used."""
    BUSY = 622
    """Another command holds the workspace."""
    NOT_YET = 623
    """A warning: the policy asks for what the agents of this version refuse."""
    NO_ANSWER = 624
    """The cluster's API server cannot be reached, or refuses to be read."""
    NOT_THERE = 625
    """A pod, an address or a name that is not in the cluster that is asked about."""
    CONNECTION = 626
    """What was asked about is no connection: its ends, protocol, port or request."""
    NOT_FOUNDED = 630
    """The founders have not all signed the trust root."""
    BELOW_THRESHOLD = 631
    """Something has fewer signatures than it needs."""
    EXCHANGE = 632
    """A file that authors exchange is not what `edict sign --out` writes, or says what nobody can be shown."""
    EXCHANGE_BASE = 633
    """A file that authors exchange builds on another release than the one that is known here."""
    KEY_RETIRED = 634
    """A key that was taken out of a role before."""
    ROLE = 635
    """There is no such role, or it cannot be changed in this way."""
    KEY = 636
    """A key is not one of the role's, or is one already, or is not here."""
    AUTHORITY_STEP = 640
    """A step of the change of the hub's CA that is not the next one."""
    CUT_OFF = 641
    """A step of the change of the hub's CA that would cut clusters off."""
    NO_RECEIPT = 645
    """No receipt of a cluster can be believed, and what was asked for is about one."""


class Hub(enum.IntEnum):
    """Numbers of :class:`edict.errors.HubError` that this side raises (the hub itself has 0401 to 0449 and 0499)."""

    UNREACHABLE = 450
    """No address of the hub could be connected to."""
    LOST = 451
    """The connection ended, or the time was over, before the answer came."""
    UNREADABLE = 452
    """Something answered that does not speak as a hub does."""
    LOST_RELEASES = 453
    """The hub has nothing, and this workspace knows a release of it."""
