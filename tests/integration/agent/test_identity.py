"""Enrolment, certificates and the lease, on a real API server and over real TLS."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict_agent.kube import connect
from edict_agent.store.identity import IdentityStore, new_identity
from tests.integration.agent.federation import Authors, Relay
from tests.integration.agent.harness import Site, eventually

pytestmark = pytest.mark.parts


async def test_a_crash_between_the_secret_and_enrolment_keeps_the_key(
    cilium_site: Site, relay: Relay, token: Path
) -> None:
    kube = connect(cilium_site.cluster.kubeconfig)
    store = IdentityStore(kube, cilium_site.namespace)
    made = new_identity(relay.token("one"))
    await store.create(made)
    agent = await cilium_site.agent(token)
    await agent.says("enrolled")
    now = await store.load()
    await kube.aclose()
    assert now is not None
    assert (now.key_pem, now.receipt_key) == (made.key_pem, made.receipt_key)
    assert now.enrolled
    assert relay.receipt_key == made.signer.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": b"x" * 32}, "EDICT0322"),
        ({"root_sha256": "0" * 64}, "EDICT0206"),
        ({"cluster": "two"}, "EDICT0321"),
    ],
    ids=["wrong secret", "another root", "another cluster"],
)
async def test_a_wrong_token_ends_it_with_a_code_and_no_traceback(
    cilium_site: Site, relay: Relay, tmp_path: Path, change: dict[str, object], code: str
) -> None:
    wrong = msgspec.structs.replace(relay.token("one"), **change)
    file = tmp_path / "wrong"
    file.write_text(wrong.encode())
    agent = await cilium_site.agent(file, "--cluster", "one")
    assert await agent.wait() == 2
    assert f"[{code}]" in agent.output
    assert "Traceback" not in agent.output
    assert not cilium_site.objects()


async def test_without_token_and_identity_it_says_what_to_do(cilium_site: Site) -> None:
    agent = await cilium_site.agent(None)
    assert await agent.wait() == 2
    assert "[EDICT0320]" in agent.output
    assert "edict cluster token" in agent.output


async def test_a_certificate_is_renewed_with_a_new_key_and_a_new_channel(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    relay.lifetime = timedelta(seconds=20)
    agent = await cilium_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await relay.when(lambda: relay.renewals >= 1 and len(relay.haves) >= 2)
    await agent.says("connected", times=2)
    assert "Traceback" not in agent.output


async def test_an_agent_whose_certificate_has_expired_comes_back_by_itself(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    relay.lifetime = timedelta(seconds=6)
    agent = await cilium_site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await agent.end(signal.SIGKILL)
    await asyncio.sleep(6)  # what is waited for is time itself
    relay.lifetime = timedelta(hours=1)
    second = await cilium_site.agent(None, "--holder", "pod")
    await second.says("re-enrolled")
    await second.says("connected")
    assert relay.enrolments == 1


async def test_an_expired_certificate_does_not_end_enforcement_and_a_new_token_mends_it(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    relay.reenrols = False
    relay.lifetime = timedelta(seconds=6)
    agent = await cilium_site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await agent.end(signal.SIGKILL)
    await asyncio.sleep(6)
    second = await cilium_site.agent(None, "--holder", "pod")
    await second.says("EDICT0323")
    name = next(iter(cilium_site.of("deny-a")))
    cilium_site.delete(name)
    await eventually(lambda: name in cilium_site.objects(), "it is kept all the same", second, 5)
    await second.end()
    relay.lifetime = timedelta(hours=1)
    third = await cilium_site.agent(token, "--holder", "pod")
    await third.says("connected")


async def test_a_second_agent_waits_for_the_lease_and_takes_over(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    first = await cilium_site.agent(token, "--holder", "a")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    second = await cilium_site.agent(token, "--holder", "b")
    await second.says("another agent holds the lease")
    assert len(relay.hellos) == 1
    assert await first.end() == 0
    await second.says("release applied")
    lease = cilium_site.leases.read_namespaced_lease("edict-agent", cilium_site.namespace)
    assert lease.spec.holder_identity == "b"


async def test_an_agent_whose_lease_was_taken_ends(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await cilium_site.agent(token, "--holder", "a")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    taken = {"spec": {"holderIdentity": "b", "renewTime": "2099-01-01T00:00:00.000000Z"}}
    cilium_site.leases.patch_namespaced_lease("edict-agent", cilium_site.namespace, taken)
    assert await agent.wait() == 2
    assert "[EDICT0560]" in agent.output
