"""What tables say, and that no word of theirs is broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.parse import load_one
from edict.trust.receipts import PolicyState
from edict_cli import catalogue, release
from edict_cli.catalogue import Conformance, role_rows
from edict_cli.conformance import ClusterView, PolicyView
from edict_cli.conformance_table import conformance_sheet
from edict_cli.fleet import FleetView
from edict_cli.fleet_table import lines, sheet
from edict_cli.output import Form, Sheet, emit
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import MemoryHub, cluster, policy, publish, put

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOWN = PolicyView("net/two", PolicyState.DEGRADED, "no", 1, code="EDICT0501", reason="cannot be said")
POLICIES = (
    PolicyView("net/one", PolicyState.COMPLIANT, "yes", 1, reverts=1),
    PolicyView("net/unseen", PolicyState.COMPLIANT, "unobservable", 2, reverts=3),
    DOWN,
)
FRA1 = ClusterView("fra1", PolicyState.DEGRADED, signed_at=NOW - timedelta(seconds=59), sequence=2, policies=POLICIES)


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_a_row_is_a_line_on_any_terminal(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    long = "a reason with many words " * 10
    emit(Form.TABLE, {}, Sheet(["cluster", "state", "reason"], [["fra1", "Degraded 1", long], ["fra10", "-", ""]]))
    assert capsys.readouterr().out.splitlines() == [
        "CLUSTER  STATE       REASON",
        f"fra1     Degraded 1  {long.rstrip()}",
        "fra10    -",
    ]


def test_the_reason_of_a_cluster_is_its_first_finding() -> None:
    rows = sheet(FleetView(1, None, "", (FRA1,), ()), NOW, wide=True).rows
    assert [row[-1] for row in rows] == [
        "net/two EDICT0501",
        "1 object, accepted: yes, 1 revert",
        "2 objects, 3 reverts",
        "EDICT0501 cannot be said",
    ]
    assert "#2 59 s ago" in rows[0]


def test_a_watch_in_lines_is_wide_when_asked() -> None:
    assert len(list(lines(FRA1, NOW, wide=False))) == 1
    assert "net/two  Degraded" in list(lines(FRA1, NOW, wide=True))[-1]


def test_rules_have_their_names_in_the_version_that_is_published(workspace: Workspace, hub: MemoryHub) -> None:
    text = policy("one").replace(b"- action: Accept", b"- name: inside\n      action: Accept")
    put(workspace, text)
    publish(workspace, hub)
    target = hub.verified.documents["policies/net/one"]
    rules = (RuleFidelity("egress[0]", Fidelity.EXACT),)
    found = [
        Conformance(name, "cilium", 1, PolicyView("net/one", PolicyState.COMPLIANT, document=digest, rules=rules))
        for name, digest in (("fra1", target.digest), ("fra2", "another"))
    ]
    rows = conformance_sheet(found, target, load_one(text, "one")).rows
    assert [row[0] for row in rows] == ["fra1", "  egress[0] inside", "fra2", "  egress[0]"]


def test_roles_of_a_release_without_and_with_their_bins(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"), policy("two", priority=11), inventory_fra1=cluster("fra1"))
    publish(workspace, hub)
    entry = catalogue.release(release.newest(workspace, hub))
    rows = role_rows(entry, bins=False)
    assert [row[0] for row in rows] == ["root", "timestamp", "snapshot", "inventory", "policies/net", "targets"]
    assert rows[4][2] == "2"
    assert rows[2] == ["snapshot", "1", "-"]
    wide = role_rows(entry, bins=True)
    assert len(wide) == len(rows) + 16
    assert sum(int(row[2]) for row in wide if row[2] != "-") == 3
