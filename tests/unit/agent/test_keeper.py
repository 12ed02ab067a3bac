"""What the keeper removes, and in which order things come and go."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from edict.policy.lockout import WAY_OUT_ID
from edict_agent.kube import Resource
from edict_agent.kube.resources import CILIUM_POLICY, CLUSTER_NETWORK_POLICY, NETWORK_POLICY, NODE
from edict_agent.metrics import Metrics
from edict_agent.reconcile.keeper import Keeper
from edict_agent.reconcile.leftovers import leftovers
from edict_agent.reconcile.order import KINDS, rank
from edict_agent.reconcile.wanted import Wanted
from edict_agent.translate import Dialect
from tests.unit.agent.fakes import MemoryKube, TurnedClock, refused

POLICY = "federation.edict.dev/policy"


def body(name: str, namespace: str = "", *, allows: bool = False, policy: str = "payments.a") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {"app.kubernetes.io/managed-by": "edict", POLICY: policy}}
    spec: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Egress"]}
    if namespace:
        metadata["namespace"] = namespace
    return {"metadata": metadata, "spec": spec | ({"egress": [{}]} if allows else {})}


def wanted(name: str, namespace: str = "", policy: str = "payments/a", **more: Any) -> Wanted:
    return Wanted(NETWORK_POLICY, body(name, namespace, **more), policy)


class Site:
    def __init__(self, *kinds: Resource) -> None:
        self.kube, clock = MemoryKube(), TurnedClock()
        self.settled = asyncio.Event()

        async def may_write() -> None:
            return

        self.keeper = Keeper(
            self.kube,
            kinds or (NETWORK_POLICY,),
            clock=clock,
            rng=Random(1),
            metrics=Metrics(clock),
            may_write=may_write,
            on_progress=self.settled.set,
        )

    async def keep(self, *objects: Wanted, namespaces: tuple[str, ...] | None = None) -> None:
        """Want objects and wait for one round."""
        self.settled.clear()
        self.keeper.want(
            {each.key: each for each in objects},
            frozenset(),
            None if namespaces is None else frozenset(namespaces),
        )
        running = asyncio.create_task(self.keeper.run())
        async with asyncio.timeout(10):
            await self.settled.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @property
    def standing(self) -> set[tuple[str, str]]:
        return {(namespace, name) for _, namespace, name in self.kube.objects}


async def test_objects_of_one_name_stand_in_several_namespaces() -> None:
    site = Site()
    await site.keep(wanted("x", "a"), wanted("x", "b"), namespaces=("a", "b"))
    assert site.standing == {("a", "x"), ("b", "x")}
    assert site.keeper.stands(wanted("x", "a"))


async def test_what_the_plan_no_longer_has_is_removed_but_not_where_the_namespace_itself_is_going() -> None:
    site = Site()
    for namespace in ("stays", "going"):
        site.kube.put(NETWORK_POLICY, **body("x", namespace))
    await site.keep(namespaces=("stays",))
    assert site.standing == {("going", "x")}
    assert not site.keeper.unwanted()


async def test_what_another_dialect_left_is_removed_once_the_plan_stands() -> None:
    site = Site(CILIUM_POLICY, NETWORK_POLICY)
    site.kube.put(NETWORK_POLICY, **body("x", "a"))
    await site.keep(Wanted(CILIUM_POLICY, body("y"), "payments/a"))
    assert site.standing == {("", "y")}


async def test_what_a_former_version_wrote_apart_goes_once_the_one_object_stands() -> None:
    site = Site(*KINDS[Dialect.CILIUM])
    name = "edict.payments.a"
    for suffix in ("", ".egress-deny", ".ingress-deny"):
        site.kube.put(CILIUM_POLICY, **body(f"{name}{suffix}"))
    await site.keep(Wanted(CILIUM_POLICY, body(name, allows=True), "payments/a"))
    assert site.standing == {("", name)}
    assert site.kube.objects[CILIUM_POLICY.plural, "", name]["spec"]["egress"] == [{}]


async def test_what_plain_cilium_had_goes_once_the_tiers_stand() -> None:
    site = Site(*KINDS[Dialect.CILIUM_TIERS])
    for name in ("moved", "both"):
        site.kube.put(CILIUM_POLICY, **body(name))
    before_removal: set[str] = set()
    delete = site.kube.delete

    async def noted(resource: Resource, live: dict[str, Any]) -> None:
        before_removal.update(plural for plural, _, _ in site.kube.objects)
        await delete(resource, live)

    site.kube.delete = noted  # type: ignore[method-assign]
    await site.keep(
        Wanted(CLUSTER_NETWORK_POLICY, body("moved"), "payments/a"),
        Wanted(CLUSTER_NETWORK_POLICY, body("both"), "payments/a"),
        Wanted(CILIUM_POLICY, body("both"), "payments/a"),
    )
    assert {(plural, name) for plural, _, name in site.kube.objects} == {
        (CLUSTER_NETWORK_POLICY.plural, "moved"),
        (CLUSTER_NETWORK_POLICY.plural, "both"),
        (CILIUM_POLICY.plural, "both"),
    }
    assert before_removal == {CLUSTER_NETWORK_POLICY.plural, CILIUM_POLICY.plural}


async def test_leftovers_are_kinds_of_other_dialects_that_can_be_read_and_hold_ours() -> None:
    kube = MemoryKube()
    kube.put(NETWORK_POLICY, **body("x", "a"))
    kube.put(NODE, metadata={"name": "n"})
    listed = kube.list

    async def read(resource: Resource, namespace: str = "", labels: str = "") -> Any:
        assert labels.startswith("app.kubernetes.io/managed-by=edict,")
        if resource.group == "projectcalico.org":
            raise refused(403)
        return await listed(resource, namespace, labels)

    kube.list = read  # type: ignore[method-assign]
    kube.put(CILIUM_POLICY, **body("y", "a"))
    assert await leftovers(kube, Dialect.CILIUM) == (NETWORK_POLICY,)
    assert await leftovers(kube, Dialect.CILIUM_TIERS) == (NETWORK_POLICY,)
    kube.put(CLUSTER_NETWORK_POLICY, **body("z", "a"))
    assert await leftovers(kube, Dialect.CILIUM) == (CLUSTER_NETWORK_POLICY, NETWORK_POLICY)
    assert await leftovers(kube, Dialect.NETWORK_POLICY) == (CLUSTER_NETWORK_POLICY, CILIUM_POLICY)


async def test_what_allows_is_there_before_and_longer_than_what_isolates() -> None:
    isolating, allowing = wanted("a-isolates", "a"), wanted("b-allows", "a", allows=True)
    way_out = wanted("c-way-out", "a", WAY_OUT_ID, allows=True)
    assert sorted((isolating, allowing, way_out), key=rank) == [way_out, allowing, isolating]
    site = Site()
    await site.keep(isolating, allowing)
    gone: list[str] = []
    delete = site.kube.delete

    async def noted(resource: Resource, live: dict[str, Any]) -> None:
        gone.append(live["metadata"]["name"])
        await delete(resource, live)

    site.kube.delete = noted  # type: ignore[method-assign]
    await site.keep()
    assert gone == ["a-isolates", "b-allows"]
