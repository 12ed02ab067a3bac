"""The judgement of an export, line by line: the history first, then one chain after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edict.errors import DocumentError, TrustError
from edict.ids import ClusterName, Digest
from edict.trust.audit.chain import Asked, Chain
from edict.trust.audit.findings import Findings
from edict.trust.audit.history import History, Trusted, no_root
from edict.trust.audit.lines import DocumentLine, End, Header, Line, MetadataLine, ReceiptLine
from edict.trust.audit.report import ClusterAt, ClusterReport, Report
from edict.trust.audit.timeline import Timeline
from edict.trust.codes import Code
from edict.trust.documents import read_document
from edict.trust.state import Target


class Audit:
    """Takes the lines of an export in their order.

    Args:
        trusted: the trust root; nothing else is believed.
        asked: what else is wanted; the header's ``since`` counts above its own.
    """

    def __init__(self, trusted: Trusted, asked: Asked) -> None:
        self.findings = Findings()
        self.timeline = Timeline()
        self._trusted = trusted
        self._asked = asked
        self._header = Header()
        self._history = History(trusted, self.findings)
        self._wanted: dict[str, list[Target]] = {}
        self._releases: list[int] = []
        self._chain: Chain | None = None
        self._clusters: dict[str, ClusterReport] = {}
        self._states: list[ClusterAt] = []

    @property
    def wanted(self) -> dict[str, list[Target]]:
        """Documents that a release named and that were not taken yet, by digest."""
        return self._wanted

    def take(self, line: Line) -> None:
        """Take the next line.

        Raises:
            TrustError: EDICT0250 for a line that stands where it must not; EDICT0206 without the trusted root.
        """
        match line:
            case Header():
                self._header = line
                self._asked = replace(self._asked, since=line.since)
            case MetadataLine():
                self._in_history(f"metadata/{line.role}/{line.version}")
                published = self._history.take(line)
                if published is not None:
                    self._releases.append(published.release)
                    for target in self.timeline.add(published):
                        self._wanted.setdefault(target.digest, []).append(target)
            case DocumentLine():
                self._in_history(f"blobs/{line.digest}")
                self._document(line)
            case ReceiptLine():
                self._receipt(line)
            case End():
                self._finish()

    def report(self) -> Report:
        """Return the judgement, after the last line.

        Raises:
            TrustError: EDICT0206 when the trusted root was nowhere.
        """
        if not self._history.roots:
            raise no_root(self._trusted)
        return Report(
            root=self._trusted.sha256,
            since=self._header.since,
            only=self._header.clusters,
            releases=len(self._releases),
            first_release=min(self._releases, default=0),
            last_release=max(self._releases, default=0),
            clusters=tuple(self._clusters[name] for name in sorted(self._clusters)),
            findings=tuple(self.findings.all),
            omitted=self.findings.omitted,
            at=self._asked.at,
            states=tuple(sorted(self._states, key=lambda state: state.cluster)),
        )

    def _in_history(self, where: str) -> None:
        if self._chain is not None:
            raise TrustError(Code.NOT_AN_EXPORT, "the history stands before every receipt", where=where)

    def _document(self, line: DocumentLine) -> None:
        for target in self._wanted.pop(line.digest, ()):
            try:
                read_document(target, line.content)
            except TrustError as error:
                self.findings.failed(error)
            except DocumentError:
                continue  # signed, and in words that this version does not know: its digest is what counts here

    def _receipt(self, line: ReceiptLine) -> None:
        if self._chain is None or self._chain.cluster != line.cluster:
            if not self._history.roots:
                raise no_root(self._trusted)
            self._close()
            if line.cluster in self._clusters:
                where = f"receipts/{line.cluster}/{line.sequence}"
                raise TrustError(Code.NOT_AN_EXPORT, "a cluster's receipts stand together", where=where)
            self._chain = self._begin(ClusterName(line.cluster))
        self._chain.take(line)

    def _begin(self, cluster: ClusterName) -> Chain:
        return Chain(cluster, self.timeline, self.findings, self._asked)

    def _close(self) -> None:
        if self._chain is None:
            return
        self._clusters[self._chain.cluster] = self._chain.report()
        if self._asked.at is not None:
            self._states.append(self._chain.state(self._asked.at))

    def _finish(self) -> None:
        """Close the last chain, and judge what is not there."""
        self._close()
        self._chain = None
        for cluster in self._expected():
            self._chain = self._begin(cluster)
            self._close()
        self._chain = None
        self._look_for_documents()
        self._look_for_releases()

    def _look_for_documents(self) -> None:
        for digest, targets in sorted(self._wanted.items()):
            what = f"the document of {targets[0].path} is not in the export"
            self.findings.add(Code.NO_DOCUMENT, what, f"blobs/{Digest(digest)}")

    def _look_for_releases(self) -> None:
        newest = max(self._releases, default=0)
        if not newest:
            self.findings.add(Code.NO_EVIDENCE, "there is not one verified release", "metadata/snapshot")
        elif newest < self._asked.release:
            what = f"the history ends with release {newest}, and release {self._asked.release} is known"
            self.findings.add(Code.RELEASE_UNKNOWN, what, f"metadata/snapshot/{self._asked.release}")

    def _expected(self) -> Iterable[ClusterName]:
        """Return the clusters that the export should have receipts of, and has not."""
        asked = set(self._header.clusters)
        heads = () if self._asked.since else self._asked.heads  # a cluster may have left before the export begins
        known = {*self.timeline.clusters(), *map(ClusterName, heads)}
        return sorted(name for name in known - self._clusters.keys() if not asked or name in asked)
