"""What another author's file asks for, judged against this workspace's own trust, and made again from what is shown.

The wish is read out of the file; the drafts are then made from the trusted release and that wish, as if it were one's
own. Only where they say word for word what the file says (expiries apart, which have bounds) can there be nothing in
it that was not shown: no other copy of a placement, no role, path or field beside those, no version but the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tuf.api.metadata import Root, Targets

from edict.errors import TrustError, UsageError
from edict.ids import digest_of
from edict.policy.documents import AnyDocument
from edict.policy.parse import load_one
from edict.trust import _check
from edict.trust.describing import Change, alive
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import Holding, fingerprint, holdings_of
from edict.trust.kinds import accepted
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT, TARGETS, WAIVERS, owner_of_role, waiver_path
from edict_cli import limiting, preparing, waivers
from edict_cli.codes import Code
from edict_cli.exchange import Exchange, unfit
from edict_cli.matching import check_snapshot, match
from edict_cli.preparing import documents_of
from edict_cli.store.pending import Wanted
from edict_cli.store.workspace import Workspace

KINDS = {INVENTORY: "ManagedCluster", WAIVERS: "Waiver"}
"""What the roles that are no team's hold."""


@dataclass(frozen=True)
class Review:
    """A file that holds.

    Attributes:
        base: the trusted release.
        wanted: what the file asks for.
        files: its metadata by role, without the snapshot.
        snapshot: the snapshot, where it holds one.
        documents: those that it adds or changes, by path, as bytes and as read.
        before: who signs each role now.
        after: who signs each role then.
    """

    base: Base
    wanted: Wanted
    files: Mapping[str, bytes]
    snapshot: bytes | None
    documents: Mapping[str, tuple[bytes, AnyDocument]]
    before: Mapping[str, Holding]
    after: Mapping[str, Holding]


def review(workspace: Workspace, exchange: Exchange, source: str) -> Review:
    """Judge a file.

    Args:
        workspace: whose trusted release counts.
        exchange: the file.
        source: its name, for errors.

    Raises:
        UsageError: EDICT0632 when it says what nobody can be shown, EDICT0633 when it builds on another release,
            EDICT0634 when it brings back a retired key.
        TrustError: EDICT0215 when a document is beyond its team's limits; EDICT02xx when metadata cannot be read.
        DocumentError: EDICT01xx when a document cannot be read.
    """
    base = workspace.repository.base()
    files = dict(exchange.metadata)
    snapshot = files.pop(SNAPSHOT, None)
    before = base.holdings()
    after = _holdings(base, files, source)
    documents, changes = _changes(base, files, exchange, after, source)
    fields = _root_fields(base, files)
    wish = Wish(
        {role: after.get(role) for role in sorted(before.keys() | after.keys()) if before.get(role) != after.get(role)},
        changes,
        root_fields=fields,
    )
    _check_keys(workspace, before, after, source)
    wish = _compared(workspace, base, wish, files, source)
    asked = {path: document for path, (_, document) in documents.items()}
    limiting.within(asked, after)
    waivers.check(asked, limiting.limits_of(waiver_path(""), after), workspace.session.now())
    digests = {change.path: None if change.content is None else digest_of(change.content) for change in changes}
    wanted = Wanted(digests, wish.holdings, wish.renew, fields)
    preparing.check_kept(workspace, base, wanted)
    found = Review(base, wanted, files, snapshot, documents, before, after)
    if snapshot is not None:
        check_snapshot(workspace, base, files, snapshot, source)
    return found


def _holdings(base: Base, files: Mapping[str, bytes], source: str) -> dict[str, Holding]:
    root = _check.parse(ROOT, files[ROOT], Root).signed if ROOT in files else base.read_root()
    top = _check.parse(TARGETS, files[TARGETS], Targets).signed if TARGETS in files else base.read(TARGETS)
    if root is None or top is None:
        raise UsageError(
            Code.EXCHANGE_BASE,
            "it builds on a federation that is not known here",
            where=source,
            remedy="make a workspace that knows it, with `edict trust init --join --root FILE`",
        )
    return holdings_of(root, top)


def _root_fields(base: Base, files: Mapping[str, bytes]) -> dict[str, object]:
    if ROOT not in files:
        return {}
    root = base.read_root()
    before = root.unrecognized_fields if root is not None else {}
    after = _check.parse(ROOT, files[ROOT], Root).signed.unrecognized_fields
    names = sorted(before.keys() | after.keys())
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}


def _changes(
    base: Base, files: Mapping[str, bytes], exchange: Exchange, after: Mapping[str, Holding], source: str
) -> tuple[dict[str, tuple[bytes, AnyDocument]], list[Change]]:
    targets = {role: data for role, data in files.items() if role != ROOT}
    old, new = documents_of(base.targets), documents_of(alive({**base.targets, **targets}))
    documents, changes = {}, []
    for path in sorted(old.keys() | new.keys()):
        digest = new.get(path)
        if old.get(path) == digest:
            continue
        if digest is None:
            if path.rpartition("/")[0] in after:
                changes.append(Change(path, None, None))
            continue
        content = exchange.documents.get(digest)
        if content is None:
            raise unfit(source, f"it does not hold the document of {path}")
        document = _read(path, content, source)
        documents[path] = (content, document)
        changes.append(Change(path, content, document))
    if exchange.documents.keys() - set(new.values()):
        raise unfit(source, "it holds a document that nothing in it names")
    return documents, changes


def _read(path: str, content: bytes, source: str) -> AnyDocument:
    document = load_one(content, path)
    owner, _, name = path.rpartition("/")
    kind = type(document).__name__
    if (kind, document.metadata.name) != (KINDS.get(owner, "FederatedNetworkPolicy"), name):
        raise unfit(source, f"what it puts at {path} is {kind} {document.metadata.name!r}")
    return document


def _check_keys(workspace: Workspace, before: Mapping[str, Holding], after: Mapping[str, Holding], source: str) -> None:
    known = {fingerprint(key) for holding in before.values() for key in holding.keys}
    new = {fingerprint(key): role for role, holding in after.items() for key in holding.keys}
    for role, holding in after.items():
        for key in holding.keys:
            if holding != before.get(role) and key.unrecognized_fields:
                raise unfit(source, f"a key of {role} has a field that nobody would be shown")
            accepted(key, where=f"{source} {role}")
    for print_, role in new.items():
        if print_ not in known and print_ in workspace.repository.retired():
            raise preparing.retired(print_, role, source)


def _compared(workspace: Workspace, base: Base, wish: Wish, files: Mapping[str, bytes], source: str) -> Wish:
    """Make the drafts of a wish, hold them against a file, and return the wish with what is renewed."""
    now = workspace.session.now()
    try:
        made = draft(base, wish, now)
        names = base.holdings().keys() | {role for role, holding in wish.holdings.items() if holding is not None}
        renewed = frozenset(owner_of_role(role, names) for role in files.keys() - made.keys())
        if renewed:
            wish = replace(wish, renew=renewed)
            made = draft(base, wish, now)
    except TrustError as error:
        raise unfit(source, error.what) from None
    for role in files.keys() - made.keys():
        raise unfit(source, f"it has {role}, of which nothing changes")
    for role, drafted in made.items():
        if role not in files:
            raise unfit(source, f"it lacks {role}, which changes")
        match(role, drafted, files[role], source, now)
    return wish
