"""Changes of who signs what: each is a wish that is pending until it is published, signed as far as the keys here go.

A wish names all keys of a role, so that it means the same on another release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from securesystemslib.signer import Key

from edict.errors import TrustError, UsageError
from edict.trust import keys as trust_keys
from edict.trust.codes import Code as Trust
from edict.trust.holding import Holding, fingerprint
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.roles import FLAT, SNAPSHOT, TIMESTAMP
from edict_cli import preparing
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.workspace import Workspace

TIMESTAMP_KEY = "timestamp.pem"
OLD_TIMESTAMP_KEY = "timestamp.old.pem"


def present(workspace: Workspace) -> dict[str, Holding]:
    """Return who signs each role once what is pending is published."""
    base = workspace.repository.base(workspace.repository.state())
    return preparing.holdings_after(base, workspace.pending.wanted())


def holding_of(workspace: Workspace, role: str) -> Holding:
    """Return who signs a role.

    Raises:
        UsageError: EDICT0635.
    """
    known = present(workspace)
    if role not in known:
        raise UsageError(
            Code.ROLE, f"there is no role {role!r}", where="ROLE", remedy=f"use one of {', '.join(sorted(known))}"
        )
    return known[role]


def arrange(
    workspace: Workspace, holdings: Mapping[str, Holding | None], *, renew: frozenset[str] = frozenset()
) -> None:
    """Put changes into what is pending, and sign that as far as the keys here go.

    Args:
        workspace: locked by the caller.
        holdings: who signs each role from then on; None takes a team away, with what is pending of its policies.
        renew: roles to sign again for their expiry.

    Raises:
        UsageError: EDICT0634 for a key that was taken out of use before, EDICT0635 for a role that must stay.
        TrustError: EDICT0214 for a team with the name of a bin; EDICT0215 when a policy is beyond its new limits.
    """
    base = workspace.repository.base(workspace.repository.state())
    published, before = base.holdings(), workspace.pending.wanted()
    retired = workspace.repository.retired()
    for role, holding in holdings.items():
        _check_role(role, holding)
        for key in holding.keys if holding is not None else ():
            if fingerprint(key) in retired and key not in _keys(published.values()):
                raise preparing.retired(fingerprint(key), role, role)
    wanted = replace(
        before,
        holdings={
            role: holding for role, holding in {**before.holdings, **holdings}.items() if published.get(role) != holding
        },
        documents={
            path: digest
            for path, digest in before.documents.items()
            if holdings.get(path.rpartition("/")[0], ...) is not None
        },
        renew=before.renew | renew,
    )
    preparing.check_kept(workspace, base, wanted)
    preparing.prepare(workspace, base, wanted)


def replaced(workspace: Workspace, role: str, retire: Sequence[str]) -> list[Key]:
    """Return the keys of a role that a rotation is to replace: those named, or those that are here.

    Raises:
        UsageError: EDICT0636 when a named key is not the role's, or none is named and none is here.
    """
    holding = holding_of(workspace, role)
    here = {key.keyid for key in own_keys(workspace, role)} if not retire else set()
    gone = [find(holding, role, text) for text in retire] or [key for key in holding.keys if key.keyid in here]
    if not gone:
        raise UsageError(
            Code.KEY,
            f"no key of {role} is here, so that nobody knows which one to replace",
            where=role,
            remedy="name it with --retire FINGERPRINT; `edict trust status` shows them",
        )
    return gone


def without_key(workspace: Workspace, role: str, text: str, threshold: int | None) -> Holding:
    """Return a role without a key.

    Raises:
        UsageError: EDICT0636 when it is not the role's.
        TrustError: EDICT0216 when fewer keys than the threshold would stay.
    """
    holding = holding_of(workspace, role)
    gone = find(holding, role, text).keyid
    kept = tuple(key for key in holding.keys if key.keyid != gone)
    try:
        return replace(holding, keys=kept, threshold=threshold or holding.threshold)
    except TrustError:
        raise TrustError(
            Trust.THRESHOLD,
            f"{len(kept)} keys would stay and {threshold or holding.threshold} must sign",
            where=role,
            remedy="add another key first, rotate this one, or lower the threshold with --threshold",
        ) from None


def find(holding: Holding, role: str, text: str) -> Key:
    """Return the one key of a role whose fingerprint begins with a text.

    Raises:
        UsageError: EDICT0636.
    """
    text = text if text.startswith("SHA256:") else f"SHA256:{text}"
    found = [key for key in holding.keys if fingerprint(key).startswith(text)]
    if len(found) != 1 or text == "SHA256:":
        raise UsageError(
            Code.KEY,
            f"{'no key' if not found else 'more than one key'} of {role} is {text}",
            where=role,
            remedy=f"it has {', '.join(map(fingerprint, holding.keys))}",
        )
    return found[0]


def own_keys(workspace: Workspace, role: str) -> list[Key]:
    """Return the public halves of a role's keys that are here; the timestamp's stands in the hub's folder."""
    if role != TIMESTAMP:
        return workspace.keys.publics(role)
    path = workspace.hub / TIMESTAMP_KEY
    return [trust_keys.load_signer(path, None).public_key] if path.exists() else []


def new_timestamp_key(workspace: Workspace) -> Key:
    """Make the hub's next key in the workspace's hub folder; the one that signs until then is kept beside it.

    A key that was never published is not kept, so that a rotation that was killed can be done again.
    """
    path, made = workspace.hub / TIMESTAMP_KEY, workspace.hub / ".timestamp.new.pem"
    published = workspace.repository.base().holdings()[TIMESTAMP].keyids
    files.remove(made)
    public = trust_keys.generate(made, None).public_key
    if any(key.keyid in published for key in own_keys(workspace, TIMESTAMP)):
        files.write(workspace.hub / OLD_TIMESTAMP_KEY, files.read_private(path), mode=files.PRIVATE)
    made.replace(path)
    return public


def restore_timestamp_key(workspace: Workspace) -> bool:
    """Put the hub's published key back where a rotation that was dropped had put the next one; tell whether it did."""
    path, old = workspace.hub / TIMESTAMP_KEY, workspace.hub / OLD_TIMESTAMP_KEY
    published = workspace.repository.base().holdings()
    if TIMESTAMP not in published or not path.exists() or not old.exists():
        return False
    keyids = published[TIMESTAMP].keyids
    if trust_keys.load_signer(path, None).public_key.keyid in keyids:
        return False
    if trust_keys.load_signer(old, None).public_key.keyid not in keyids:
        return False
    old.replace(path)
    return True


def resets(workspace: Workspace) -> list[str]:
    """Say which floors of agents a pending root resets: of a role whose keys are all replaced."""
    base = workspace.repository.base(workspace.repository.state())
    before, wanted = base.holdings(), workspace.pending.wanted().holdings
    said = []
    for role in (TIMESTAMP, SNAPSHOT):
        after = wanted.get(role)
        if after is not None and role in before and not set(after.keyids) & set(before[role].keyids):
            of = "the timestamp" if role == TIMESTAMP else "the snapshot and every role below it"
            said.append(f"Agents that take this root forget the lowest version of {of} that they accept.")
    if len(said) == 2:  # noqa: PLR2004 - both
        said.append("Both together let a fleet start over after a stolen key signed an absurd version.")
    return said


def _check_role(role: str, holding: Holding | None) -> None:
    if holding is None and (role in FLAT or not role.startswith("policies/")):
        raise UsageError(Code.ROLE, f"the role {role} cannot be taken away", where=role, remedy="rotate its keys")
    if holding is not None and not _suit(role, holding.limits):
        raise UsageError(
            Code.ROLE, f"the role {role} cannot have these limits", where=role, remedy="see `edict trust delegate -h`"
        )


def _suit(role: str, limits: Limits) -> bool:
    return limits.suit(role) if role.startswith("policies/") or role in FLAT else limits == UNLIMITED


def _keys(holdings: Iterable[Holding]) -> list[Key]:
    return [key for holding in holdings for key in holding.keys]
