"""The signed history: which roots, which releases, and what each release said. Nothing in it expires.

A release is verified as an agent does it, by :mod:`edict.trust.steps` and :mod:`edict.trust.graph`, but for the
timestamp: that names the newest release of a moment, and the history has them all. Roots follow each other from the
pinned one; a release belongs to the first root, not before that of the release before, under which it verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tuf.api.metadata import MetaFile, Root, Snapshot

from edict.errors import TrustError
from edict.ids import digest_of
from edict.trust import _check, graph, steps, verify
from edict.trust.audit.findings import Findings
from edict.trust.audit.lines import MetadataLine
from edict.trust.codes import Code
from edict.trust.roles import ROOT, SNAPSHOT
from edict.trust.state import Proof, Target

MAX_HELD = 512 * 1024 * 1024
"""Bytes of metadata that wait for a snapshot, or belong to the newest one."""
_SIGNATURES = f"EDICT{Code.SIGNATURES:04d}"


@dataclass(frozen=True)
class Trusted:
    """The trust root that an auditor begins with: the file itself, or its SHA-256."""

    sha256: str
    root: bytes | None = None

    @classmethod
    def file(cls, root: bytes) -> Trusted:
        """Trust a root's bytes.

        Raises:
            TrustError: EDICT0201 or 0202 when it is no root that is signed by itself.
        """
        verify.pin(root)
        return cls(digest_of(root), root)


@dataclass(frozen=True)
class Published:
    """One verified release. ``order`` counts the releases of the export, from 0."""

    release: int
    order: int
    root_version: int
    expires: datetime
    documents: Mapping[str, Target]


class History:
    """Takes metadata in the order of an export.

    Args:
        trusted: where trust begins.
        findings: what does not hold goes there.
    """

    def __init__(self, trusted: Trusted, findings: Findings) -> None:
        self.roots: list[tuple[Root, bytes]] = []
        self.newest: Published | None = None
        self._trusted = trusted
        self._findings = findings
        self._under = 0
        self._snapshot: tuple[bytes, Snapshot] | None = None
        self._held: dict[str, bytes] = {}
        self._bytes = 0
        self._proofs: Mapping[str, Proof] = {}
        if trusted.root is not None:
            self.roots.append((steps.first_root(trusted.root), trusted.root))

    def take(self, line: MetadataLine) -> Published | None:
        """Take one file; return the release that it completes, or None.

        Raises:
            TrustError: EDICT0206 when the roots are over and the trusted one was not among them; EDICT0250 when there
                is more metadata than any federation has.
        """
        if line.role == ROOT:
            if self.newest is not None or self._held:
                raise self._disordered(line)
            self._root(line)
            return None
        if not self.roots:
            raise no_root(self._trusted)
        if line.role == SNAPSHOT:
            return self._release(line)
        self._bytes += len(line.content) - len(self._held.get(line.role, b""))
        if self._bytes > MAX_HELD:
            raise TrustError(Code.NOT_AN_EXPORT, f"a release has more than {MAX_HELD} bytes", where=_place(line))
        self._held[line.role] = line.content
        return None

    def _root(self, line: MetadataLine) -> None:
        if not self.roots:
            if digest_of(line.content) == self._trusted.sha256:
                self.roots.append((steps.first_root(line.content), line.content))
            return
        newest = self.roots[-1][0]
        if line.version <= newest.version:
            known = {root.version: data for root, data in self.roots}.get(line.version, line.content)
            if known != line.content and line.version == self.roots[0][0].version:
                raise no_root(self._trusted)
            if known != line.content:
                self._findings.failed(_check.split(ROOT, line.version))
            return
        try:
            self.roots.append((steps.next_root(newest, line.content), line.content))
        except TrustError as error:
            self._findings.failed(_placed(error, line))

    def _release(self, line: MetadataLine) -> Published | None:
        failure: TrustError | None = None
        for index in range(self._under, len(self.roots)):
            try:
                return self._verified(line, index)
            except TrustError as error:
                if failure is None or failure.code == _SIGNATURES:
                    failure = error
        if failure is not None:
            self._findings.failed(_placed(failure, line))
        return None

    def _verified(self, line: MetadataLine, index: int) -> Published:
        root, root_bytes = self.roots[index]
        described = MetaFile.from_data(line.version, line.content, ["sha256"])
        before = None if self._is_reset(index) or self._snapshot is None else self._snapshot[0]
        snapshot = steps.snapshot(root, described, line.content, before=before, now=None)
        walked = graph.walk(root, root_bytes, snapshot, self._held, known=self._proofs, now=None)
        after = self.newest
        if after is not None and snapshot.version > after.release + 1 and not self._is_reset(index):
            self._missing(after.release + 1, snapshot.version - 1)
        self._under, self._snapshot, self._proofs = index, (line.content, snapshot), walked.proofs
        self._held = {role: proof.data for role, proof in walked.proofs.items()}
        self._bytes = sum(map(len, self._held.values()))
        order = 0 if after is None else after.order + 1
        self.newest = Published(snapshot.version, order, root.version, snapshot.expires, walked.documents)
        return self.newest

    def _is_reset(self, index: int) -> bool:
        """Tell whether all snapshot keys were replaced since the release before: then its numbers do not bind."""
        return any(
            steps.replaced(self.roots[at][0], self.roots[at + 1][0], SNAPSHOT) for at in range(self._under, index)
        )

    def _missing(self, first: int, last: int) -> None:
        span = f"release {first} is" if first == last else f"releases {first} to {last} are"
        self._findings.add(Code.RELEASE_UNKNOWN, f"{span} not in the verified history", f"metadata/snapshot/{first}")

    @staticmethod
    def _disordered(line: MetadataLine) -> TrustError:
        return TrustError(Code.NOT_AN_EXPORT, "roots stand before everything else", where=_place(line))


def no_root(trusted: Trusted) -> TrustError:
    """Return EDICT0206: the export does not have the trusted root."""
    return TrustError(
        Code.OTHER_ROOT,
        f"no trust root in the export has digest {trusted.sha256}",
        where=_check.place(ROOT, "?"),
        remedy="compare the digest with the one that the federation's authors publish; this may be another federation",
    )


def _place(line: MetadataLine) -> str:
    return _check.place(line.role, line.version)


def _placed(error: TrustError, line: MetadataLine) -> TrustError:
    """Name the version of a file that could not be read far enough to say it."""
    if not error.where.endswith("/?"):
        return error
    role = error.where.removeprefix("metadata/").removesuffix("/?")
    where = _place(line) if role == line.role else f"{error.where} of {_place(line)}"
    return TrustError(int(error.code.removeprefix("EDICT")), error.what, where=where, remedy=error.remedy)
