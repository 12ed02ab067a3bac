"""The way of a waiver with the real command, hub and etcd: sign, publish, list, prove, remove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edict.ids import Digest
from edict.trust.limits import Limits
from edict.trust.receipts import PolicyReport, PolicyState
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from tests.integration.cli.desk import Desk
from tests.integration.cli.test_way import compliant, document, enrolled
from tests.unit.cli.waived import delegate, waiver

pytestmark = pytest.mark.parts
__all__ = ["document"]


def test_a_waiver_from_its_signing_to_its_removal(desk: Desk, document: Path, tmp_path: Path) -> None:
    cluster = enrolled(desk, document)
    delegate(Workspace(Session(desk.workspace)), Limits(max_days=7, policies=("net/*",)))
    expires = datetime.now(UTC) + timedelta(hours=20)
    path = tmp_path / "waiver.yaml"

    path.write_bytes(waiver("hotfix", "net/deny", expires + timedelta(days=7)))
    assert "EDICT0215" in desk("sign", "-f", str(path), expect=2).err
    path.write_bytes(waiver("hotfix", "net/deny", expires - timedelta(days=1)))
    assert "EDICT0153" in desk("sign", "-f", str(path), expect=2).err
    path.write_bytes(waiver("hotfix", "net/gone", expires))
    assert "EDICT0152" in desk("sign", "-f", str(path)).err
    path.write_bytes(waiver("hotfix", "net/deny", expires))
    assert desk("sign", "-f", str(path), "-o", "name").out == "waivers/hotfix\n"
    assert "it ends within a day" in desk("publish").err

    [entry] = desk.json("get", "waivers")
    assert (entry["waiver"], entry["policy"], entry["state"]) == ("hotfix", "net/deny", "in force")
    assert entry["clusters"] == ["fra1"]
    assert "Ann Other" in desk("get", "waivers").out
    release = desk.json("get", "release")
    assert (release["policies"], release["clusters"]) == (1, 1)

    digest = Digest(compliant(desk).document)
    reason = f"waived until {expires:%Y-%m-%d %H:%M} UTC by Ann Other: hotfix"
    cluster.tell(PolicyReport("net/deny", digest, PolicyState.WAIVED, reason=reason), release=release["release"])
    row = desk.json("status", expect=1)["clusters"][0]
    assert (row["state"], row["policies"][0]["reason"]) == ("Waived", reason)
    assert reason in desk("status", "-o", "wide", expect=1).out

    desk("sign", "--remove-waiver", "hotfix")
    desk("publish")
    assert desk.json("get", "waivers") == []
    assert "EDICT0612" in desk("sign", "--remove-waiver", "hotfix", expect=2).err
