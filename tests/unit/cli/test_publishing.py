"""A publish can be lost, killed and repeated; two authors can publish side by side."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from edict.errors import DocumentError, HubError, TrustError, UsageError
from edict.trust.state import TrustState
from edict_cli import release, signing
from edict_cli.signing import Difference
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import NOW, FixedClock, MemoryHub, cluster, founded, policy, publish, put, reopened


def names(state: TrustState) -> set[str]:
    return set(state.documents)


def test_what_was_signed_becomes_the_release(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"), inventory_fra1=cluster("fra1"))
    result = publish(workspace, hub)
    assert (result.release, result.action) == (1, "published")
    assert {item.document for item in result.changes} == {"policies/net/one", "inventory/fra1"}
    assert names(hub.verified) == {"policies/net/one", "inventory/fra1"}
    assert workspace.repository.state().release == 1
    assert workspace.pending.roles() == {}


def test_publishing_again_sends_nothing(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    publish(workspace, hub)
    assert publish(reopened(workspace), hub).action == "nothing"
    assert len(hub.requests) == 1


def test_only_what_is_new_is_sent(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"), policy("two", priority=11))
    publish(workspace, hub)
    put(workspace, policy("three", priority=12))
    publish(workspace, hub)
    assert len(hub.requests[1].metadata) == 2
    assert len(hub.requests[1].blobs) == 1


def test_a_lost_answer_is_found_by_the_next_publish(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    hub.lose_answer = True
    with pytest.raises(HubError, match="EDICT0451"):
        publish(workspace, hub)
    hub.lose_answer = False
    again = publish(reopened(workspace), hub)
    assert (again.release, again.action) == (1, "found")
    assert len(hub.requests) == 1
    assert workspace.pending.roles() == {}


def test_a_lost_request_is_sent_again_byte_for_byte(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    hub.lose_request = True
    with pytest.raises(HubError):
        publish(workspace, hub)
    hub.lose_request = False
    later = reopened(workspace)
    later.session.clock = FixedClock(NOW + timedelta(minutes=5))
    assert publish(later, hub).action == "published"
    assert hub.requests[0].metadata == hub.requests[1].metadata


def test_one_number_has_one_content_though_the_hub_said_it_failed(workspace: Workspace, hub: MemoryHub) -> None:
    """A hub that kept what it claimed not to have got could show either to a cluster."""
    put(workspace, policy("one"))
    hub.lose_request = True
    with pytest.raises(HubError):
        publish(workspace, hub)
    hub.lose_request = False
    put(workspace, policy("two", priority=11))
    assert publish(reopened(workspace), hub).release == 2


def test_a_refresh_renews_the_expiry_alone(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    before = publish(workspace, hub)
    later = reopened(workspace)
    later.session.clock = FixedClock(NOW + timedelta(days=9))
    result = publish(later, hub, refresh=True)
    assert (result.release, result.action) == (2, "refreshed")
    assert before.expires is not None
    assert result.expires == before.expires + timedelta(days=9)


def other_author(workspace: Workspace, folder: Path) -> Workspace:
    shutil.copytree(workspace.folder, folder)
    return reopened(workspace, folder)


def test_two_teams_publish_side_by_side(tmp_path: Path) -> None:
    mine = founded(tmp_path / "mine", teams=("net", "pay"))
    hub = MemoryHub(mine)
    theirs = other_author(mine, tmp_path / "theirs")
    put(mine, policy("one"))
    put(theirs, policy("two", priority=11), team="pay")
    publish(theirs, hub)
    publish(mine, hub)
    assert names(hub.verified) == {"policies/net/one", "policies/pay/two"}


def test_the_same_role_signed_twice_is_a_conflict_that_rebase_solves(workspace: Workspace, tmp_path: Path) -> None:
    hub = MemoryHub(workspace)
    theirs = other_author(workspace, tmp_path / "theirs")
    put(theirs, inventory_fra1=cluster("fra1"))
    publish(theirs, hub)
    put(workspace, inventory_fra2=cluster("fra2"))
    with pytest.raises(UsageError, match="EDICT0613"):
        publish(workspace, hub)
    signing.rebase(workspace, release.newest(workspace, hub))
    publish(workspace, hub)
    assert names(hub.verified) == {"inventory/fra1", "inventory/fra2"}


def test_a_tie_of_priority_is_refused_before_anything_is_sent(workspace: Workspace, hub: MemoryHub) -> None:
    denied = policy("two").replace(b"action: Accept", b"action: Deny")
    put(workspace, policy("one"), denied, inventory_fra1=cluster("fra1"))
    with pytest.raises(DocumentError, match="EDICT0140"):
        publish(workspace, hub)
    assert hub.requests == []


def to_cluster(name: str, of: bytes) -> bytes:
    return of.replace(b"networks:\n        - 10.0.0.0/8", f"clusters: {{names: [{name}]}}".encode())


def test_a_peer_in_an_unknown_cluster_is_refused_where_it_is_new(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, to_cluster("fra2", policy("one")), inventory_fra1=cluster("fra1"))
    with pytest.raises(DocumentError, match="EDICT0144"):
        publish(workspace, hub)
    assert hub.requests == []


def test_a_cluster_leaves_though_a_policy_names_it(
    workspace: Workspace, hub: MemoryHub, capsys: pytest.CaptureFixture[str]
) -> None:
    one = to_cluster("fra2", policy("one"))
    put(workspace, one, inventory_fra1=cluster("fra1"), inventory_fra2=cluster("fra2"))
    publish(workspace, hub)
    signing.sign(workspace, {"inventory/fra2": None})
    assert publish(workspace, hub).action == "published"
    assert "Warning [EDICT0144] (FederatedNetworkPolicy one " in capsys.readouterr().err


def test_a_policy_that_shadows_an_older_one_is_told(
    workspace: Workspace, hub: MemoryHub, capsys: pytest.CaptureFixture[str]
) -> None:
    put(workspace, policy("old", priority=20), inventory_fra1=cluster("fra1"))
    publish(workspace, hub)
    put(workspace, policy("beside", priority=30).replace(b"10.0.0.0/8", b"11.0.0.0/8"))
    publish(workspace, hub)
    assert "EDICT0142" not in capsys.readouterr().err
    put(workspace, policy("new", priority=10))
    publish(workspace, hub)
    told = capsys.readouterr().err
    assert "Warning [EDICT0142] (FederatedNetworkPolicy old spec.policy.egress[0] policies/net/old)" in told
    assert "decided before it by net/new egress[0]" in told


def test_a_hub_that_shows_an_older_release_is_not_believed(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    publish(workspace, hub)
    old = hub.verified
    put(workspace, policy("two", priority=11))
    publish(workspace, hub)
    hub.verified = old
    with pytest.raises(TrustError, match="EDICT0207"):
        release.newest(workspace, hub)


def test_a_hub_that_lost_everything_is_named(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    publish(workspace, hub)
    with pytest.raises(HubError, match="EDICT0453"):
        publish(workspace, MemoryHub(workspace))


def test_signing_the_same_twice_changes_nothing(workspace: Workspace) -> None:
    assert put(workspace, policy("one"))[0].change is Difference.ADDED
    before = workspace.pending.roles()
    assert put(workspace, policy("one"))[0].change is Difference.UNCHANGED
    assert workspace.pending.roles() == before


def test_signing_back_what_is_published_leaves_nothing_pending(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    publish(workspace, hub)
    assert put(workspace, policy("one", priority=11))[0].change is Difference.CHANGED
    assert put(workspace, policy("one"))[0].change is Difference.CHANGED
    assert workspace.pending.roles() == {}
    assert publish(workspace, hub).action == "nothing"


def test_a_document_is_taken_away(workspace: Workspace, hub: MemoryHub) -> None:
    put(workspace, policy("one"))
    publish(workspace, hub)
    assert signing.sign(workspace, {"policies/net/one": None})[0].change is Difference.REMOVED
    publish(workspace, hub)
    assert names(hub.verified) == set()
