"""Whose a receipt is: signed by the key that the signed inventory pins for the cluster at the receipt's own release."""

from __future__ import annotations

from edict.errors import TrustError
from edict.ids import ClusterName
from edict.trust.audit.findings import Findings
from edict.trust.audit.lines import ReceiptLine
from edict.trust.audit.report import KeyChange
from edict.trust.audit.timeline import Moment, Timeline
from edict.trust.codes import Code
from edict.trust.receipts import ReceiptBody, fingerprint, verify_receipt

_WRONG_KEY = f"EDICT{Code.RECEIPT_KEY:04d}"


class Signing:
    """Judges who signed the receipts of one cluster.

    A key also counts for releases before the first that pins it: a cluster signs from its enrolment on, and an author
    who signs its key in vouches for what it has signed. It no longer counts from the release on that pins another.

    Attributes:
        pinned: whether some release pins a key.
        early: receipts that were signed before their key was pinned.
        used: each key that signed, with the receipt from which on it did.
    """

    def __init__(self, cluster: ClusterName, timeline: Timeline, findings: Findings, *, since: int) -> None:
        self._cluster = cluster
        self._timeline = timeline
        self._findings = findings
        self._since = since
        self._pins = timeline.keys(cluster)
        self.pinned = any(key for _, key in self._pins)
        self.early = 0
        self.used: list[tuple[str, KeyChange]] = []

    def body(self, line: ReceiptLine, *, started: bool) -> ReceiptBody | None:
        """Return what the cluster signed; None, and a finding, where it is not the cluster that did.

        Args:
            line: the receipt.
            started: a receipt before was of a release that the history has, so that this one must be.
        """
        found = self._opened(line)
        if found is None:
            return None
        body, key = found
        if not self._is_own_number(line, body):
            return None
        moment = self._timeline.moment(body.release)
        if moment is None:
            if body.release >= max(1, self._since) or started:
                self._unknown_release(body)
        elif not self._is_in_force(key, body, moment):
            return None
        self._use(key, body.sequence)
        return body

    def _opened(self, line: ReceiptLine) -> tuple[ReceiptBody, str] | None:
        """Verify the envelope with a key that some release pinned; which one may sign when is judged apart."""
        failure: TrustError | None = None
        for key in dict.fromkeys(key for _, key in reversed(self._pins) if key):
            try:
                return verify_receipt(line.content, key, self._cluster), key
            except TrustError as error:
                if failure is None or failure.code == _WRONG_KEY:
                    failure = error
        if failure is None:
            self._found(Code.RECEIPT_KEY, "no release pins a receipt key for the cluster", line.sequence)
        else:
            self._found(failure.code, failure.what, line.sequence)
        return None

    def _is_own_number(self, line: ReceiptLine, body: ReceiptBody) -> bool:
        if body.sequence != line.sequence:
            self._found(Code.CHAIN, "it is signed under another number than it stands under", line.sequence)
        return body.sequence == line.sequence

    def _unknown_release(self, body: ReceiptBody) -> None:
        what = f"release {body.release} is not in the verified history"
        self._found(Code.RELEASE_UNKNOWN, what, body.sequence)

    def _is_in_force(self, key: str, body: ReceiptBody, moment: Moment) -> bool:
        pinned = ""
        for order, one in self._pins:
            pinned = one if order <= moment.order else pinned
        if key == pinned:
            return True
        if any(order > moment.order and one == key for order, one in self._pins):
            self.early += 1
            return True
        what = f"it is signed by a key that release {body.release} no longer pins"
        self._found(Code.RECEIPT_KEY, what, body.sequence)
        return False

    def _use(self, key: str, sequence: int) -> None:
        if self.used and self.used[-1][0] == key:
            return
        order = next(order for order, one in self._pins if one == key)
        change = KeyChange(fingerprint(bytes.fromhex(key)), sequence, self._timeline.number(order))
        self.used.append((key, change))

    def _found(self, code: Code | str, what: str, sequence: int) -> None:
        self._findings.about(self._cluster, code, what, sequence)
