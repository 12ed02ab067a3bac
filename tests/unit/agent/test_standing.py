"""What stands in a refused document's place is held to the limits that its team has now, like any document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edict.ids import ClusterName
from edict.policy.model import Tier
from edict.trust import verify
from edict.trust.cosigning import encoded
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import Holding
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.roles import TARGETS, team_role
from edict_agent.desired import Before, Desired, desire
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.secrets import StateStore
from edict_agent.sync.judge import judge
from edict_agent.translate import Dialect, Facts, Translator
from tests.integration.agent.federation import TEAM, Authors, managed_cluster, policy
from tests.unit.agent.fakes import MemoryKube
from tests.unit.agent.test_intake import RealTime

ID = f"{TEAM}/a"
FACTS = Facts("cilium", "1.20.2", ("10.0.0.0/8",), (), {}, "default")


def unsayable() -> dict[str, Any]:
    """The same policy in the other tier, which plain Cilium cannot say."""
    made = policy("a")
    made["spec"]["policy"]["tier"] = "Baseline"
    return made


def allow(authors: Authors, limits: Limits) -> None:
    """Give the team other limits from the next release on."""
    key = authors.keys.teams[TEAM]
    wish = Wish({team_role(TEAM): Holding((key.public_key,), 1, limits)})
    for role, metadata in draft(Base(authors.root, authors.targets), wish, datetime.now(UTC)).items():
        metadata.sign(authors.keys.targets if role == TARGETS else key)
        authors.targets[role] = encoded(metadata)


async def after(limits: Limits) -> tuple[Memory, Desired]:
    """Return what an agent plans where an Admin policy stood and its next version cannot be said."""
    authors, clock = Authors(), RealTime()
    metrics = Metrics(clock)
    store = StateStore(MemoryKube(), "edict-system", clock=clock)
    await store.load()
    memory = Memory(store, ClusterName("one"), verify.pin(authors.root), metrics=metrics)

    async def take() -> None:
        given = authors.message()
        await memory.accept(
            judge(given, state=memory.state, held=memory.blobs, cluster=memory.cluster, now=datetime.now(UTC))
        )

    authors.publish(managed_cluster("one", "cilium"), policy("a"))
    await take()
    assert memory.judged is not None
    await memory.set_applied({one.id: one.digest for one in memory.judged.policies})
    allow(authors, limits)
    authors.publish(unsayable())
    await take()
    return memory, plan(memory, memory.standing)


async def test_what_its_team_may_still_say_stands_on() -> None:
    memory, desired = await after(UNLIMITED)
    assert desired.outcomes[ID].refused
    assert desired.standing == {ID: memory.applied[ID]}
    assert [each.policy for each in desired.plan.objects].count(ID)


async def test_what_its_team_may_no_longer_say_goes() -> None:
    """Else whoever has the team's key keeps, with one document that nobody can say, what authors took from the team."""
    _, desired = await after(Limits(tiers=(Tier.BASELINE,)))
    assert desired.outcomes[ID].refused
    assert ID not in desired.standing
    assert not [each.policy for each in desired.plan.objects if each.policy == ID]
    assert not desired.kept, "objects that are kept stay as they are"


async def test_what_cannot_be_found_any_more_stays_as_it_is() -> None:
    """Nothing says that its team may not: silence removes nothing."""
    memory, _ = await after(Limits(tiers=(Tier.BASELINE,)))
    assert plan(memory, lambda _policy: None).kept == {ID.replace("/", ".")}


def plan(memory: Memory, before: Before) -> Desired:
    assert memory.judged is not None
    return desire(Translator(Dialect.CILIUM, FACTS, "edict-system"), memory.judged.policies, before)
