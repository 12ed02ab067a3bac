"""Weakened readers of receipts: what `edict status` would be if it had forgotten a check."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
from securesystemslib.dsse import Envelope

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Digest
from edict.trust.receipts import Evidence, PolicyReport, PolicyState, ReceiptBody
from edict_cli import evidence
from edict_cli.conformance import Seen
from edict_cli.evidence import evaluate
from tests.attacks.harness import Off


def _folded_anyhow(chain: Iterable[tuple[bytes, ReceiptBody]]) -> Evidence:
    """Fold receipts in the order in which they come, without asking whether one is missing."""
    policies: dict[str, PolicyReport] = {}
    head = None
    for _, body in chain:
        policies.update({report.policy: report for report in body.policies})
        head = body
    assert head is not None
    return Evidence(head, policies)


def _read_only(envelope: bytes, *_: object) -> ReceiptBody:
    """Read a receipt whoever signed it, and of whomever it speaks."""
    payload = msgspec.json.decode(envelope)["payload"]
    return msgspec.json.decode(base64.b64decode(payload), type=ReceiptBody)


_checked = evidence._verified


def _never_saw(name: ClusterName, key: str, said: pb.ClusterStatus, _seen: Seen | None) -> Any:
    return _checked(name, key, said, None)


def _the_hub_s_word(name: ClusterName, key: str, said: pb.ClusterStatus, _seen: Seen | None) -> Any:
    """Make evidence of what the hub says that the agent acknowledged."""
    if said.receipts:
        return _checked(name, key, said, None)
    told = {
        f"net/{each}": PolicyReport(f"net/{each}", Digest(said.last_ack.error), PolicyState.COMPLIANT)
        for each in ("deny",)
    }
    head = SimpleNamespace(
        release=said.acked_applied,
        dialect="",
        plugin_version="",
        agent_version="",
        sequence=1,
        time=datetime.fromtimestamp(said.last_seen_unix, UTC),
        floor_lost="",
        snapshot_expires=None,
        root_version=1,
        timestamp_version=1,
    )
    return Evidence(head, told), Seen(key, 1, "")  # type: ignore[arg-type]


ANYHOW = Off(evidence, "fold", _folded_anyhow)
READ_ONLY = Off(evidence, "verify_receipt", _read_only)
NO_SIGNATURE = Off(Envelope, "verify", lambda *_: None)
_BY_DEFAULT: dict[str, Any] = evaluate.__kwdefaults__ or {}
NEVER_SAW = Off(evidence, "_verified", _never_saw)
THE_HUB_S_WORD = Off(evidence, "_verified", _the_hub_s_word)
PATIENT = Off(evaluate, "__kwdefaults__", {**_BY_DEFAULT, "stale_after": timedelta(days=400)})
