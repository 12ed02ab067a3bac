"""What a thief gets, attack by attack.

docs/concepts/threat-model.md names four attackers. Each has a folder here; each line of its table names the test that
shows it. An attack is a function that plays the thief and returns whether the thief got what it wanted::

    @attack("a stolen hub signs a policy with the timestamp key", without=[weak.UNSIGNED])
    async def test_a_policy_of_its_own(fed: Federation, victim: Victim) -> bool:
        ...
        return victim.enforces("net/open")

The decorator runs it twice. As it is, the thief must get nothing. Then once more with the named defences replaced by
weaker ones (`weak.py`, or the attack's own), and there the thief must succeed: else the attack was never one, and its
failure would prove nothing. Where several defences would each do, ``alone=True`` runs it once more for each of them
with all others replaced: that is what defence in depth means. Nothing in the product can be switched off; a test
replaces the code.

Whether a thief succeeded is judged by what the agent itself then holds and enforces (`victims.Victim` is the agent's
own intake, memory and store over an API server in memory), or by what `edict status` then says, never by asking the
verifier. `test_listing.py` counts the attacks, and holds the threat model against them.

Attacks on trust need no network and no disk: a federation in memory. Attacks on a hub's own handling of its store run a
real hub over a real etcd.
"""

from __future__ import annotations

import pytest

from tests.attacks.victims import Victim
from tests.unit.trust.federation import Federation, cluster, policy


@pytest.fixture
def fed() -> Federation:
    """Two clusters, and one policy that is placed on both."""
    federation = Federation()
    federation.put(cluster("a", "{env: prod}"), cluster("b", "{env: test}"), policy("deny"))
    return federation


@pytest.fixture
async def victim(fed: Federation) -> Victim:
    """The agent of cluster a, which has pinned the root and holds no release yet."""
    return await Victim.of(fed)
