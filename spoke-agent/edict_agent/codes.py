"""The numbers of the agent's own errors, one meaning each. Translation has EDICT0500 to 0549, the rest 0550 on."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Why the agent could not do something; printed as ``EDICT05xx``."""

    CLUSTER_UNREACHABLE = 550
    """The API server, or the kubeconfig that leads to it, cannot be used."""
    FORBIDDEN = 551
    """The API server says that the agent may not."""
    INVALID_OBJECT = 552
    """The API server, or the plugin's own validation, refuses an object."""
    FOREIGN_OBJECT = 553
    """An object of somebody else has the name that ours would have."""
    APPLY_FAILED = 554
    """The API server failed while an object was written; it is tried again."""
    NOT_ACCEPTED = 555
    """The plugin says that it does not accept an object."""
    CONTENDED = 556
    """Somebody keeps changing an object back."""
    FLOOR_LOST = 557
    """What was verified before is gone: an older release could be offered unseen."""
    STATE_TOO_LARGE = 558
    """The state does not fit where it is kept."""
    STATE_CONTESTED = 559
    """Somebody else wrote the state: two agents run."""
    LEASE_LOST = 560
    """Another agent has taken over."""
    PENDING = 561
    """Verified and not yet applied."""
    NO_API = 562
    """The cluster serves no API that the dialect needs."""
    REFUSED = 563
    """Translation refused the policy and gave no code of its own."""
    HEALTH_PORT = 564
    """The health port cannot be opened."""
    SEQUENCE = 565
    """A number of a receipt is one that no chain comes to: the hub, or the stored state, is wrong."""
    UNEXPECTED = 599
    """A fault of the agent itself."""


class IdentityCode(enum.IntEnum):
    """Why the agent has no identity; printed as ``EDICT03xx``. Numbers below 320 are those of ``edict.pki``."""

    NO_TOKEN = 320
    """First start, and no token was given."""
    OTHER_CLUSTER = 321
    """The token, the stored identity and the command line name different clusters."""
    ENROLMENT_REFUSED = 322
    """The hub refused the token."""
    EXPIRED = 323
    """The certificate has expired and the hub does not renew it, or there is no token to enrol with."""
    BAD_SECRET = 324
    """The identity Secret cannot be read."""
    OTHER_CERTIFICATE = 325
    """The hub handed out a certificate that is not for this cluster or this key, or not of the pinned CA."""
    CERTIFICATE_LIFE = 326
    """The hub handed out a certificate that is not valid now, or ends too soon."""
