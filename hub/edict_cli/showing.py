"""What another author's file would change, for a person who is to sign it. Shown are the bytes that are signed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import msgspec

from edict.errors import TrustError, printable
from edict.ids import Digest
from edict.policy.changes import Placed
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.model import Mode
from edict.policy.parse import load_one
from edict.trust import authorities
from edict.trust.cosigning import Signing, Standing, parsed
from edict.trust.holding import Holding, fingerprint
from edict.trust.limits import limited, to_plain
from edict.trust.roles import ROOT, SNAPSHOT
from edict_agent.translate.facts import Facts, ground_of
from edict_cli import comparing, limiting
from edict_cli.authority_lines import authority_lines
from edict_cli.comparing import Comparison
from edict_cli.cosigning import signable
from edict_cli.preparing import documents_of
from edict_cli.reviewing import Review
from edict_cli.signing import Difference, difference
from edict_cli.store.workspace import Workspace


class Part(msgspec.Struct, frozen=True):
    """One role that needs signatures; the bins of a team count as the team.

    Attributes:
        role: whose keys sign it.
        version: the highest of its files.
        files: how many metadata files that is.
        signed: fingerprints of the keys that have signed all of them.
        threshold: how many must.
        here: how many signatures this workspace can add.
        keys: which of a root's keys, where a new root changes them and both must sign: ``present keys``, ``new keys``.
    """

    role: str
    version: int
    files: int
    signed: tuple[str, ...]
    threshold: int
    here: int
    keys: str = ""


class Shown(msgspec.Struct, frozen=True):
    """What a file would change, as ``-o json`` prints it; ``text`` is what a person reads line by line."""

    documents: dict[str, Difference]
    roles: tuple[Part, ...]
    release: int | None
    text: tuple[str, ...]


def show(workspace: Workspace, found: Review) -> Shown:
    """Say all that a reviewed file asks for."""
    published = documents_of(found.base.targets)
    changes = {path: difference(published.get(path), digest) for path, digest in found.wanted.documents.items()}
    text = [
        *_trust(found),
        *(line for path in changes for line in _document(workspace, found, path, published.get(path))),
        *limiting.narrowings({path: document for path, (_, document) in found.documents.items()}, found.after),
        *_verdicts(workspace, found, published),
    ]
    release = None if found.snapshot is None else parsed(SNAPSHOT, found.snapshot).signed.version
    return Shown(changes, tuple(_parts(workspace, found)), release, tuple(map(printable, text)))


def holding_lines(role: str, before: Holding | None, after: Holding | None) -> Iterator[str]:
    """Yield how who signs a role changes."""
    if after is None:
        yield f"removed  role {role}, with every document that it owns"
        return
    yield f"{'added  ' if before is None else 'changed'}  role {role}"
    old = {} if before is None else {fingerprint(key): key for key in before.keys}
    new = {fingerprint(key): key for key in after.keys}
    yield from (f"  - key {print_}" for print_ in old.keys() - new.keys())
    yield from (f"  {' ' if print_ in old else '+'} key {print_} ({key.keytype})" for print_, key in new.items())
    counts = [f"{one.threshold} of {len(one.keys)}" for one in (before, after) if one is not None]
    if before is None or old.keys() != new.keys() or len(set(counts)) > 1:
        yield f"  threshold {counts[-1]}" + (f", was {counts[0]}" if len(set(counts)) > 1 else "")
    if before is None or before.limits != after.limits:
        yield from _limits({} if before is None else to_plain(before.limits), to_plain(after.limits))


def _limits(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    if not after:
        yield "  no limits" + (": ALL ITS LIMITS ARE LIFTED" if before else "")
    for name in sorted(before.keys() | after.keys()):
        was, now = (msgspec.json.encode(side[name]).decode() if name in side else "" for side in (before, after))
        if was == now:
            yield f"    limit {name}: {now}"
            continue
        if was:
            yield f"  - limit {name}: {was}"
        if now:
            yield f"  + limit {name}: {now}"


def _trust(found: Review) -> Iterator[str]:
    if found.base.root is None:
        yield "founds a new federation; whoever has these keys can change everything in it:"
    for role, holding in found.wanted.holdings.items():
        yield from holding_lines(role, found.before.get(role), holding)
    for role in sorted(found.wanted.renew):
        yield f"renewed  role {role}: the same content for another year"
    for name, value in found.wanted.root_fields.items():
        if name == authorities.FIELD:
            root = found.base.read_root()
            yield "changed  whom every agent believes to be the hub, by certificate authority:"
            yield from authority_lines(authorities.of(root) if root else (), value)
            continue
        yield f"changed  field {name} of the root: {msgspec.json.encode(value).decode()}"


def _document(workspace: Workspace, found: Review, path: str, published: Digest | None) -> Iterator[str]:
    digest = found.wanted.documents[path]
    yield f"{difference(published, digest).value:8} {path}"
    held = None if published is None else workspace.documents.get(published)
    if published is not None and held is None:
        yield f"  (what is published is not here: digest {published})"
    new = found.documents[path][0] if path in found.documents else b""
    before, after = ((data or b"").decode(errors="replace").splitlines() for data in (held, new))
    for line in difflib.unified_diff(before, after, lineterm="", n=2):
        if not line.startswith(("---", "+++")):
            yield f"  {line}"


def _verdicts(workspace: Workspace, found: Review, published: Mapping[str, Digest]) -> Iterator[str]:
    """Yield which connections change their verdict, where every document that stays is here."""
    old, new = _policies(workspace, found, published)
    if old is None or new is None:
        yield "The verdicts cannot be compared: documents of the release are not here. `edict sign --rebase` gets them."
        return
    if old == new:
        return
    compared: Comparison = comparing.compared(old, new, ground_of(Facts()), DEFAULT_AGENT_NAMESPACE)
    if not compared.changes:
        yield "No verdict changes."
    for row in comparing.sheet(compared).rows:
        yield "verdict  " + " · ".join(row)


def _policies(
    workspace: Workspace, found: Review, published: Mapping[str, Digest]
) -> tuple[list[Placed] | None, list[Placed] | None]:
    old, new = [], []
    for path, digest in published.items():
        content = workspace.documents.get(digest)
        if content is None:
            return None, None
        document = load_one(content, path)
        if not isinstance(document, FederatedNetworkPolicy):
            continue
        old += _placed(path, document, found.before)
        owner = path.rpartition("/")[0]
        if path not in found.wanted.documents and owner in found.after:
            new += _placed(path, document, found.after)
    for path, (_, document) in found.documents.items():
        if isinstance(document, FederatedNetworkPolicy):
            new += _placed(path, document, found.after)
    order = sorted(new, key=lambda one: one.name)
    return sorted(old, key=lambda one: one.name), order


def _placed(path: str, document: FederatedNetworkPolicy, holdings: Mapping[str, Holding]) -> list[Placed]:
    if document.spec.mode is not Mode.ENFORCE:
        return []
    try:
        read = limited(document, limiting.limits_of(path, holdings), path)
    except TrustError:  # beyond its new limits: publish refuses that with the document's name
        return []
    return [Placed(path.removeprefix("policies/"), read.spec.policy, read.spec.placement.cluster_selector, {})]


def _parts(workspace: Workspace, found: Review) -> Iterator[Part]:
    signing = Signing(found.base, found.files)
    files = {**found.files, **({} if found.snapshot is None else {SNAPSHOT: found.snapshot})}
    by_owner: dict[str, list[Standing]] = {}
    for role, data in files.items():
        by_owner.setdefault(signing.owner(role), []).extend(signing.standings(role, data))
    can = signable(workspace, found)
    for owner, standings in by_owner.items():
        if owner == ROOT and len({(one.threshold, _keys(one)) for one in standings}) > 1:
            present, new = standings
            here = {key.keyid for key in workspace.keys.publics(ROOT)}
            first = 0 if present.complete else len(here & {key.keyid for key in present.unsigned})
            yield _part(owner, [present], first, "present keys")
            yield _part(owner, [new], can.get(owner, 0) - first, "new keys")
        else:
            yield _part(owner, standings, can.get(owner, 0))


def _part(owner: str, standings: list[Standing], here: int, keys: str = "") -> Part:
    signed = [{fingerprint(key) for key in one.signed} for one in standings]
    return Part(
        role=owner,
        version=max(one.version for one in standings),
        files=len({one.role for one in standings}),
        signed=tuple(sorted(set.intersection(*signed))),
        threshold=max(one.threshold for one in standings),
        here=here,
        keys=keys,
    )


def _keys(one: Standing) -> frozenset[str]:
    return frozenset(key.keyid for key in (*one.signed, *one.unsigned))
