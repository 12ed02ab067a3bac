"""The receipt key that a cluster shows, beside the one that is pinned, and whether that one endorses it."""

from __future__ import annotations

import msgspec

from edict.errors import UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.pki.endorsement import endorsed
from edict.policy.documents import ManagedCluster
from edict.trust.receipts import fingerprint
from edict_cli import inventory
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.store.workspace import Workspace


class Approval(msgspec.Struct, frozen=True, rename="camel"):
    """The receipt key that a cluster shows, and the one that is signed in, hexadecimal; empty when there is none.

    ``endorsed`` is whether the key that is signed in vouches for the one that is shown.
    """

    cluster: str
    shown: str
    pinned: str
    endorsed: bool = False

    @property
    def fingerprint(self) -> str:
        """What a person compares."""
        return fingerprint(bytes.fromhex(self.shown))

    @property
    def pinned_fingerprint(self) -> str:
        """The fingerprint of the key that is signed in."""
        return fingerprint(bytes.fromhex(self.pinned))


def approval(workspace: Workspace, hub: HubClient, name: ClusterName) -> tuple[ManagedCluster, Approval]:
    """Return a cluster and the key that it shows.

    Raises:
        UsageError: EDICT0611 when it is not in the inventory, EDICT0614 when it has not enrolled.
    """
    document = inventory.present(workspace, hub, name)
    if document is None:
        raise inventory.unknown(name)
    said = {status.name: status for status in hub.status([name]).clusters}.get(name, pb.ClusterStatus())
    shown, pinned = said.pending_receipt_key, bytes.fromhex(inventory.pinned_key(document))
    if not shown and not pinned:
        raise UsageError(
            Code.NOT_ENROLLED,
            f"the cluster {name} has not shown a receipt key: it has not enrolled",
            where=f"cluster {name}",
            remedy=f"give its agent the token of `edict cluster token {name}`",
        )
    vouched = shown != pinned and endorsed(said.receipt_endorsement, pinned, name, shown)
    return document, Approval(name, (shown or pinned).hex(), pinned.hex(), vouched)
