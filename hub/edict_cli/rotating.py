"""Replacing the hub's CA, step by step: what each step does, when it is the next one, and whom it would cut off.

The order is what keeps clusters connected: whoever is to be believed is believed first by those who judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from edict.errors import EdictError, TrustError, UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.trust import authorities
from edict.trust.state import TrustState
from edict_cli import connection, evidence, release
from edict_cli.authorities import Authorities
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.store import settings
from edict_cli.store.workspace import Workspace

SHOWN = 10
"""Clusters that an error names."""


@dataclass(frozen=True)
class Fleet:
    """The newest verified release, and the root that each cluster has shown to have."""

    state: TrustState
    roots: dict[ClusterName, int]

    def behind(self) -> list[ClusterName]:
        """Return the clusters with an older root than the newest."""
        return sorted(name for name, version in self.roots.items() if version < self.state.root_version)


def fleet(workspace: Workspace) -> Fleet:
    """Ask the hub, and judge what it relays: a pinned receipt key's word counts, before there is one the hub's.

    Clusters that never enrolled have nothing to lose, those that are banned nothing more; they are left out.
    """
    with HubClient(workspace) as hub:
        state = release.newest(workspace, hub)
        said = {status.name: status for status in hub.status().clusters}
    roots = {}
    for name, custom in evidence.clusters_of(state).items():
        status = said.get(name)
        if status is not None and not status.banned and (custom.receipt_key or status.hello.root_version):
            roots[name] = _proven(name, custom.receipt_key, status)
    return Fleet(state, roots)


def begin(workspace: Workspace) -> tuple[CertificateAuthority, int]:
    """Make a new CA, let the hub believe it, and list it beside the present one in the next root.

    Where the root that was to list it was dropped, the same CA is listed again.

    Raises:
        UsageError: EDICT0640 while another change is under way.
    """
    known = Authorities(workspace)
    dropped = known.dropped
    if dropped is not None:
        return dropped, known.list_in_root([*(known.listed or (_pem(known.at_hub[0]),)), _pem(dropped.certificate)])
    if known.next is not None or len(known.at_hub) > 1:
        raise _not_next("a change of the hub's CA is under way", "`edict hub authority list` names its next step")
    made = known.make(workspace.session.now())
    listed = known.listed or (_pem(known.at_hub[0]),)
    version = known.list_in_root([*listed, made.certificate_pem.decode()])
    known.keep_next(made)
    return made, version


def switch(workspace: Workspace, *, force: bool) -> CertificateAuthority:
    """Let the new CA issue, once every cluster has a root that lists it.

    Raises:
        UsageError: EDICT0640 when there is none, or no published root lists it; EDICT0641 for clusters without it.
    """
    known = Authorities(workspace)
    made = known.next
    if made is None:
        raise _not_next("there is no new CA", "begin with `edict hub authority new`")
    if not force:
        _check_everybody_has(workspace, [made.certificate])
    known.issue_with(made, workspace.session.now())
    return made


def retire(workspace: Workspace, *, force: bool) -> int:
    """List the issuing CA alone in the next root, once every address of the hub serves under it.

    Raises:
        UsageError: EDICT0640 when there is nothing to retire; EDICT0641 when an address still serves under the old one.
    """
    known = Authorities(workspace)
    issuing = known.at_hub[0]
    if known.next is not None or len(known.at_hub) == 1:
        raise _not_next("no other CA than the issuing one is to be retired", "see `edict hub authority list`")
    if not force:
        _check_served(workspace, issuing)
    return known.list_in_root([_pem(issuing)])


def finish(workspace: Workspace, *, force: bool) -> x509.Certificate:
    """Let the hub believe the issuing CA alone, once every cluster has the root and a certificate of it.

    Raises:
        UsageError: EDICT0640 when the published root lists others; EDICT0641 for clusters that are not so far.
    """
    known = Authorities(workspace)
    issuing = known.at_hub[0]
    if known.next is not None or len(known.at_hub) == 1:
        raise _not_next("the hub believes no other CA than the issuing one", "see `edict hub authority list`")
    if not force:
        _check_everybody_has(workspace, [issuing], alone=True)
        _check_renewed(workspace.session.now(), known)
    known.write_believed([issuing])
    return issuing


def _check_everybody_has(workspace: Workspace, wanted: Sequence[x509.Certificate], *, alone: bool = False) -> None:
    found = fleet(workspace)
    listed = set(authorities.read(found.state.root))
    names = {_pem(each) for each in wanted}
    if not names <= listed or (alone and names != listed):
        raise _not_next(
            f"the published root (version {found.state.root_version}) does not list "
            f"{'this CA alone' if alone else 'this CA'}",
            "`edict publish` the one that is pending; `edict trust status` shows signatures that are missing",
        )
    behind = found.behind()
    if behind:
        more = " …" if len(behind) > SHOWN else ""
        raise _cut_off(
            f"{len(behind)} of {len(found.roots)} clusters have not shown that they have root "
            f"{found.state.root_version}: {', '.join(behind[:SHOWN])}{more}"
        )


def _check_served(workspace: Workspace, issuing: x509.Certificate) -> None:
    where = f"{workspace.folder}/workspace.yaml hub"
    for address in settings.addresses(workspace.settings.hub, where=where):
        try:
            connection.reach(workspace, address, chains.pem_of(issuing)).close()
        except EdictError as error:
            raise UsageError(
                Code.CUT_OFF,
                f"{address} does not serve under {chains.name_of(issuing)}: {error.what}",
                where="hub authority",
                remedy="copy the hub's folder to that replica and start it, or take an address that is gone out of "
                "workspace.yaml; --force goes on, and cuts off who is not so far",
            ) from None


def _check_renewed(now: datetime, known: Authorities) -> None:
    end = known.issuing_since + known.certificate_lifetime
    if now < end:
        raise _cut_off(f"agents may have certificates of the old CA until {end:%Y-%m-%d %H:%M:%S} UTC")


def _proven(name: ClusterName, key: str, said: pb.ClusterStatus) -> int:
    if not key:
        return said.hello.root_version
    try:
        verified = evidence.chain(name, key, said)
    except TrustError:
        return 0
    return verified[-1][1].root_version if verified else 0


def _pem(certificate: x509.Certificate) -> str:
    return chains.pem_of(certificate).decode()


def _not_next(what: str, remedy: str) -> UsageError:
    return UsageError(Code.AUTHORITY_STEP, what, where="hub authority", remedy=remedy)


def _cut_off(what: str) -> UsageError:
    remedy = "wait until they are so far; --force goes on, and cuts them off"
    return UsageError(Code.CUT_OFF, what, where="hub authority", remedy=remedy)
