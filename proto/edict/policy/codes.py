"""The numbers of :class:`edict.errors.DocumentError`: one meaning each, never used for another."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Why a document is refused; printed as ``EDICT01xx``."""

    SYNTAX = 101
    """Not UTF-8, or not YAML."""
    TOO_LARGE = 102
    """Larger, deeper or longer than the limits of :mod:`edict.policy.parse`."""
    DUPLICATE_KEY = 103
    """A key stands twice in one mapping."""
    NOT_PLAIN = 104
    """Anchors, aliases, tags, keys that are no strings, scalars that YAML 1.1 and 1.2 read differently."""
    UNKNOWN_KIND = 105
    """The kind or the apiVersion is not one of ours."""
    BARE_UPSTREAM = 106
    """An upstream ClusterNetworkPolicy that nobody has given a placement yet."""
    UNKNOWN_FIELD = 107
    """A field that the kind does not have."""
    MISSING_FIELD = 108
    """A required field is absent."""
    WRONG_VALUE = 109
    """A value of the wrong type, outside its range, or not one of the listed words."""
    DOCUMENT_COUNT = 110
    """Not exactly one document where one is wanted."""
    NAME = 120
    """A name that is no DNS-1123 label, too long, or empty."""
    EXACTLY_ONE = 121
    """None or several of a set of fields of which exactly one must be set."""
    ITEMS = 122
    """Too few or too many items."""
    DUPLICATE_ITEM = 123
    """An item stands twice in a list that is a set."""
    SELECTOR = 124
    """A label selector, a label key or a label value that Kubernetes would refuse."""
    NETWORK = 125
    """A network that is no CIDR, has host bits, or an exception outside it."""
    PORT = 126
    """A port range whose start is not below its end, or a malformed port name."""
    DOMAIN_NAME = 127
    """A domain name that upstream's pattern refuses."""
    COMBINATION = 128
    """Fields that are fine alone and have no meaning together."""
    CONTROL = 129
    """A malformed framework id in ``spec.controls``."""
    RECEIPT_KEY = 130
    """A receipt key that is not 32 bytes in lower-case hexadecimal."""
    PRIORITY_TIE = 140
    """Two policies of one tier and one priority that can meet on a cluster."""
    DENIES_WAY_OUT = 141
    """A policy that tries to deny the agent its way out."""
    SHADOWED = 142
    """A warning: a rule that can never match, because all that it matches is decided before it."""
    UNSEEN_LABEL = 143
    """A warning: a selector on a label that Cilium leaves out of identity; clusters with Cilium refuse the policy."""
    NO_SUCH_CLUSTER = 144
    """A peer in a cluster that is not in the signed inventory."""
    OWN_CLUSTER = 145
    """A warning: a peer in another cluster that names the only cluster its policy is for."""
    FRAMEWORK = 150
    """A warning: a framework, or an id of it, that nobody knows."""
    SAME_NAME = 151
    """Two policies of one team with one name."""
    WAIVED_NOTHING = 152
    """A waiver whose policy or rule is not there, or of whose rule's name there are two: nothing is waived."""
    WAIVER_ENDED = 153
    """A waiver that has ended, or, as a warning, ends within a day."""
