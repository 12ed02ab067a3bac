from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edict.errors import TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import verify
from edict_agent.sync.judge import Judged, judge
from tests.integration.agent.federation import Authors, managed_cluster, policy

ONE = ClusterName("one")


@pytest.fixture
def authors() -> Authors:
    authors = Authors()
    elsewhere: dict[str, Any] = policy("elsewhere", priority=12)
    elsewhere["spec"]["placement"] = {"clusterSelector": {"matchLabels": {"env": "prod"}}}
    authors.publish(managed_cluster("one", "cilium"), policy("a"), elsewhere)
    return authors


def judged(authors: Authors, message: pb.Release | None = None, **more: Any) -> Judged:
    options: dict[str, Any] = {"state": verify.pin(authors.root), "held": {}, "now": datetime.now(UTC)} | more
    return judge(message or authors.message(), cluster=ONE, **options)


def test_only_policies_that_select_the_cluster_are_taken(authors: Authors) -> None:
    found = judged(authors)
    assert [each.id for each in found.policies] == ["payments/a"]
    assert found.state.release == authors.release
    assert found.cluster is not None
    assert len(found.blobs) == 2


def test_a_document_that_is_held_need_not_be_sent(authors: Authors) -> None:
    message = authors.message()
    held = judged(authors).blobs
    del message.blobs[:]
    assert judged(authors, message, held=held).blobs == held


def test_a_missing_document_rejects_the_release_and_names_it(authors: Authors) -> None:
    message = authors.message()
    del message.blobs[:]
    with pytest.raises(TrustError) as caught:
        judged(authors, message)
    assert caught.value.code == "EDICT0208"
    assert caught.value.where.startswith("blobs/")


def test_a_document_of_other_bytes_rejects_the_release(authors: Authors) -> None:
    message = authors.message()
    for blob in message.blobs:
        blob.content += b"\n# changed"
    with pytest.raises(TrustError) as caught:
        judged(authors, message)
    assert caught.value.code == "EDICT0220"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "inventory", "policies/payments"])
def test_a_byte_changed_in_any_role_rejects_the_release_and_names_the_role(authors: Authors, role: str) -> None:
    message = authors.message()
    files = {each.role: each for each in (message.timestamp, message.snapshot, *message.targets)}
    files[role].content = files[role].content.replace(b'"expires":"2', b'"expires":"3')
    with pytest.raises(TrustError) as caught:
        judged(authors, message)
    assert f"metadata/{role}/" in caught.value.where


def test_an_older_release_is_refused_after_a_newer_one(authors: Authors) -> None:
    old = authors.message()
    authors.publish(policy("a", cidr="203.0.113.0/24"))
    state = judged(authors).state
    with pytest.raises(TrustError) as caught:
        judged(authors, old, state=state)
    assert caught.value.code == "EDICT0207"


def test_an_expired_release_is_not_taken(authors: Authors) -> None:
    with pytest.raises(TrustError) as caught:
        judged(authors, now=datetime.now(UTC) + timedelta(days=2))
    assert caught.value.code == "EDICT0204"


def test_a_newer_language_sets_aside_one_document(authors: Authors) -> None:
    authors.put_newer_language(policy("a"))
    authors.publish(policy("b", priority=11))
    found = {each.name: each for each in judged(authors).policies}
    assert found["a"].document is None
    assert found["a"].problem is not None
    assert found["a"].problem.code == "EDICT0107"
    assert found["b"].document is not None


def test_the_traceparent_is_a_hint_and_no_part_of_what_was_verified(authors: Authors) -> None:
    found = judged(authors)
    assert replace(found, traceparent="00-0-0-00") == found
