"""From what the authors want to pending metadata with every signature that can be made here.

Always made from the last known release, so that wanting the same twice changes nothing, and signatures that others
gave are kept as long as what they signed is still what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from securesystemslib.signer import Signer

from edict.errors import UsageError
from edict.ids import Digest
from edict.policy.parse import load_one
from edict.trust.cosigning import Signing, Standing, kept
from edict.trust.describing import Change
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import Holding, fingerprint
from edict.trust.roles import ROOT, SNAPSHOT
from edict_cli import limiting
from edict_cli.codes import Code
from edict_cli.store.metadata import digests_of
from edict_cli.store.pending import Wanted
from edict_cli.store.workspace import Workspace


def prepare(workspace: Workspace, base: Base, wanted: Wanted) -> dict[str, bytes]:
    """Make, sign and keep what is wanted.

    Args:
        workspace: locked by the caller.
        base: the release that it builds on.
        wanted: everything that is to be pending.

    Returns:
        the pending metadata by role.

    Raises:
        TrustError: EDICT0214 where what is wanted cannot be; EDICT0230 to 0235 when a key cannot be used.
        UsageError: EDICT0605 when a document is gone, EDICT0607 when a key cannot be opened.
    """
    before = workspace.pending.roles()
    drafted = draft(base, wish_of(workspace, wanted), workspace.session.now())
    files = {role: kept(made, before.get(role), role) for role, made in drafted.items()}
    made = signed_here(workspace, Signing(base, files), files)
    workspace.pending.put(wanted if made else Wanted(), made)
    return made


def signed_here(workspace: Workspace, signing: Signing, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Add the signatures that are needed and can be made with the keys of this workspace."""
    held: dict[str, Sequence[Signer]] = {}
    made = {}
    for role, data in files.items():
        owner = signing.owner(role)
        if owner not in held:
            held[owner] = workspace.keys.signers(owner)
        made[role] = signing.signed(role, data, held[owner])
    return made


def wish_of(workspace: Workspace, wanted: Wanted) -> Wish:
    """Return what is wanted with the documents themselves."""
    changes = [_change(workspace, path, digest) for path, digest in wanted.documents.items()]
    return Wish(wanted.holdings, changes, wanted.renew, wanted.root_fields)


def holdings_after(base: Base, wanted: Wanted) -> dict[str, Holding]:
    """Return who signs each role once what is wanted is published."""
    after = {**base.holdings(), **wanted.holdings}
    return {role: holding for role, holding in after.items() if holding is not None}


def still_wanted(base: Base, wanted: Wanted) -> Wanted:
    """Leave out what a release has already."""
    published, held, root = documents_of(base.targets), base.holdings(), base.read_root()
    fields = root.unrecognized_fields if root is not None else {}
    return Wanted(
        documents={path: digest for path, digest in wanted.documents.items() if published.get(path) != digest},
        holdings={role: holding for role, holding in wanted.holdings.items() if held.get(role) != holding},
        renew=wanted.renew & (held.keys() | {ROOT}),
        root_fields={name: value for name, value in wanted.root_fields.items() if fields.get(name) != value},
    )


def documents_of(targets: Mapping[str, bytes]) -> dict[str, Digest]:
    """Return the digest of every document of a set of roles, by path."""
    return {path: Digest(digest) for role, data in targets.items() for path, digest in digests_of(role, data).items()}


def standings_of(base: Base, files: Mapping[str, bytes], snapshot: bytes | None = None) -> tuple[Standing, ...]:
    """Return how far the signatures of pending files, and of a snapshot, are."""
    signing = Signing(base, files)
    everything = {**files, **({} if snapshot is None else {SNAPSHOT: snapshot})}
    return tuple(one for role, data in everything.items() for one in signing.standings(role, data))


def below(standings: Sequence[Standing], where: str) -> UsageError:
    """Return EDICT0631: which roles have too few signatures, how many, and who can give the rest."""
    said = dict.fromkeys(
        f"{one.owner} has {len(one.signed)} of the {one.threshold} signatures that it needs; "
        f"{', '.join(map(fingerprint, one.unsigned))} can give the rest"
        for one in standings
        if not one.complete
    )
    return UsageError(
        Code.BELOW_THRESHOLD,
        "; ".join(said),
        where=where,
        remedy="`edict sign --out FILE`, have another author run `edict sign --in FILE --out FILE`, "
        "then `edict sign --in FILE` here",
    )


def retired(print_: str, role: str, where: str) -> UsageError:
    """Return EDICT0634."""
    return UsageError(
        Code.KEY_RETIRED,
        f"{role} is to have the key {print_}, which was taken out of use before",
        where=where,
        remedy="make a new key: whoever has the old one may not be the one who had it",
    )


def check_kept(workspace: Workspace, base: Base, wanted: Wanted) -> None:
    """Hold the policies that stay to their team's new limits, as far as they are here; publish does it with all.

    Raises:
        TrustError: EDICT0215.
    """
    before, after = base.holdings(), holdings_after(base, wanted)
    changed = {role for role in after.keys() & before.keys() if before[role].limits != after[role].limits}
    kept = {}
    for path, digest in documents_of(base.targets).items() if changed else ():
        content = workspace.documents.get(digest)
        if path.rpartition("/")[0] in changed and path not in wanted.documents and content is not None:
            kept[path] = load_one(content, path)
    limiting.within(kept, after)


def _change(workspace: Workspace, path: str, digest: Digest | None) -> Change:
    if digest is None:
        return Change(path, None, None)
    content = workspace.documents.pending(digest)
    return Change(path, content, load_one(content, path))
