"""A release a second for a minute while every certificate there is changes: none is lost.

Agents' certificates live ten seconds, the hub's is replaced on disk, and its CA by all the steps of
``edict hub authority``; two replicas, two agents, nothing is restarted.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import hub_id
from edict.trust import authorities
from edict_cli.main import run
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.publish import publish
from tests.e2e.conftest import PARTS
from tests.e2e.federation import PASSPHRASE, TRUST_DOMAIN, Federation, Service
from tests.e2e.test_kills import POLICY
from tests.env.fixtures import require_parts

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(400)]

ROUNDS = 60
LIFETIME = "10s"
WITHIN = 2.0
"""Seconds after its acknowledgement in which a release, or a newer one, has verified everywhere."""
VERIFIED = re.compile(r"^(\S+Z) .*release verified .*release=(\d+)", re.MULTILINE)


class ShortLived(Federation):
    """A federation in which agents' certificates last ten seconds from the first on."""

    def start_hubs(self, count: int, say: Callable[[str], None]) -> None:
        super().start_hubs(count, say)
        path = self.workspace / "hub" / "hub.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "certificateLifetime": LIFETIME}))
        for hub in self.hubs:
            hub.stop()
            hub.launch()
        for hub in self.hubs:
            self.await_hub(hub, starts=2)


@dataclass
class Desk:
    """The author: publishes, and takes the next step of the rotation when it is let."""

    federation: Federation
    file: Path
    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def publish(self, number: int) -> None:
        """Sign another version of the policy and publish it; note when the hub acknowledged it."""
        self.file.write_text(POLICY.format(round="r", octet=number + 1))
        workspace = self.federation.workspace
        assert run(["-C", str(workspace), "sign", "--team", "platform", "-f", str(self.file)]) == 0
        result = publish(Workspace(Session(workspace)), refresh=False, allow_lockout=False, ask=False)
        self.acknowledged.append((result.release, time.time()))

    def step(self, number: int) -> None:
        """Take the next step; one that is refused is taken later."""
        hub = self.federation.workspace / "hub"
        match self.done:
            case [] if number >= 5:
                replace_leaf(hub)
                self.done.append("leaf")
            case ["leaf"] if number >= 10:
                self._authority("new")
            case [*_, "new"] | [*_, "switch"] | [*_, "retire"] if number % 2:
                self._authority({"new": "switch", "switch": "retire", "retire": "finish"}[self.done[-1]])

    def _authority(self, step: str) -> None:
        code = run(["-C", str(self.federation.workspace), "hub", "authority", step])
        if code == 0:
            self.done.append(step)


def replace_leaf(hub: Path) -> None:
    """Put another server certificate of the same CA into the hub's folder."""
    authority = CertificateAuthority.load((hub / "ca.crt").read_bytes(), (hub / "ca.key").read_bytes())
    key = new_private_key()
    leaf = authority.issue_hub(make_csr(key, hub_id(TRUST_DOMAIN)), ["127.0.0.1"], datetime.now(UTC))
    (hub / "server.crt").write_bytes(leaf)
    (hub / "server.key").write_bytes(key)


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Federation]:
    require_parts(*PARTS)
    monkeypatch.setenv("EDICT_PASSPHRASE", PASSPHRASE)
    with ShortLived.start(tmp_path, hubs=2, clusters={"one": "cilium", "two": "calico"}) as running:
        yield running


def verified(agent: Service) -> list[tuple[int, float]]:
    """Return what an agent verified, and when, as its log says."""
    found = VERIFIED.findall(agent.output())
    return [(int(release), datetime.fromisoformat(moment).timestamp()) for moment, release in found]


def test_no_release_is_lost_while_every_certificate_changes(federation: Federation, tmp_path: Path) -> None:
    desk = Desk(federation, tmp_path / "storm.yaml")
    before = {name: agent.output().count("certificate renewed") for name, agent in federation.agents.items()}
    (old,) = chains.split((federation.workspace / "hub" / "ca.crt").read_bytes())
    began = time.monotonic()
    for number in range(ROUNDS):
        time.sleep(max(0.0, began + number - time.monotonic()))
        desk.step(number)
        desk.publish(number)
    took = time.monotonic() - began
    newest = desk.acknowledged[-1][0]
    federation.await_release(newest)
    assert desk.done == ["leaf", "new", "switch", "retire", "finish"]
    (new,) = chains.split((federation.workspace / "hub" / "ca.crt").read_bytes())
    assert new != old
    root = max((federation.workspace / "metadata").glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))
    assert authorities.read(root.read_bytes()) == (chains.pem_of(new).decode(),)

    print(f"\n{len(desk.acknowledged)} releases acknowledged in {took:.1f} s, of them the last {newest}")
    for name, agent in federation.agents.items():
        seen = verified(agent)
        releases = [release for release, _ in seen]
        delays = [lateness(seen, release, moment) for release, moment in desk.acknowledged]
        direct = {release for release, _ in desk.acknowledged} & set(releases)
        renewals = agent.output().count("certificate renewed") - before[name]
        print(
            f"{name}: {len(direct)} of {len(desk.acknowledged)} verified directly, the others superseded; "
            f"latest {max(delays):.2f} s after the acknowledgement, median {sorted(delays)[len(delays) // 2]:.2f} s; "
            f"{renewals} certificates renewed, {agent.output().count('connected ')} streams"
        )
        assert releases == sorted(releases), name
        assert releases[-1] == newest, name
        assert max(delays) <= WITHIN, name
        assert renewals >= 6, name  # ten seconds of life, renewed at 65 % at the latest


def lateness(seen: list[tuple[int, float]], release: int, acknowledged: float) -> float:
    """Return how long after its acknowledgement a release, or a newer one, had verified; below 0 is before."""
    index = bisect_left(seen, (release, 0.0))
    assert index < len(seen), f"release {release} was lost"
    return seen[index][1] - acknowledged
