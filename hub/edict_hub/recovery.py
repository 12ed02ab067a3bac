"""Bringing back what an etcd that was restored from an old backup has lost.

Only when an operator asks. What the operator's workspace has, what etcd has, and with ``from_agents`` what connected
agents hold are verified from the hub's own pinned root; the newest that verifies is written as a publish is, by fence
and compare-and-swap. Its timestamp is one above the newest that *verifies*: what an agent merely claims neither moves
the hub nor uses a number up. Documents are collected by their digest from whoever has them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import verify
from edict.trust.placement import placed
from edict.trust.roles import ROOT, SNAPSHOT
from edict.trust.state import Bundle, TrustState
from edict_hub import submission
from edict_hub.candidates import Candidate, Search, of_agent, of_caller, of_etcd
from edict_hub.codes import Code
from edict_hub.commit import Writer
from edict_hub.fanout import Fanout
from edict_hub.relay import Relay
from edict_hub.release import EXPIRY_NOT_JUDGED, Held
from edict_hub.stamping import Stamper
from edict_hub.store import Put, Store, keys

_log = log.get(__name__)
ANSWER_SECONDS = 5.0
"""An agent that takes longer to offer its release is passed over."""
ASKING_SECONDS = 40.0
"""For all agents together; a second run goes on where the first ended."""


@dataclass
class _Found:
    """What was found so far."""

    search: Search
    until: float
    """Monotonic time at which no more agents are asked."""
    documents: dict[str, bytes] = field(default_factory=dict)
    asked: set[ClusterName] = field(default_factory=set)


class Recovery:
    """Imports signed releases.

    Args:
        store: etcd.
        relay: what is served.
        fanout: the agents that can be asked: those of this replica.
        writer: commits.
        stamper: signs the timestamp.
        clock: for time limits.
        rng: in which order agents are asked.
    """

    def __init__(
        self,
        store: Store,
        relay: Relay,
        fanout: Fanout,
        writer: Writer,
        stamper: Stamper,
        *,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._store = store
        self._relay = relay
        self._fanout = fanout
        self._writer = writer
        self._stamper = stamper
        self._clock = clock
        self._rng = rng
        self._one_at_a_time = asyncio.Lock()

    async def recover(self, request: pb.RecoverRequest) -> pb.RecoverResponse:
        """Find the newest release that verifies, serve it, and say what of it nobody had.

        Raises:
            HubError: EDICT0401 or 0402 etcd is out of reach; 0410 somebody publishes at the same time; 0414 there are
                two newest releases; 0415 or 0417 the timestamp key cannot sign; 0418 nothing was found.
            TrustError: what the operator sent does not verify, and nothing else was found.
        """
        async with self._one_at_a_time:
            answer = await self._attempt(request) or await self._attempt(request)
        if answer is None:
            raise submission.conflict("something was published at the same time, twice")
        return answer

    async def _attempt(self, request: pb.RecoverRequest) -> pb.RecoverResponse | None:
        """Try once; None when something was published in between."""
        await self._relay.reload()
        held, revision = self._relay.held, self._relay.revision
        until = self._clock.monotonic() + (ASKING_SECONDS if request.from_agents else 0.0)
        found = _Found(Search(self._relay.pinned, self._stamper), until)
        search = found.search
        if request.metadata:
            await _consider(found, of_caller(request))
        if held is not None:
            await _consider(found, of_etcd(held))
        await self._ask(found, lambda _cluster, claim: claim > search.versions)
        state = search.found()
        if state is None:
            raise search.problem or _nothing()
        if not self._stamper.is_named_by(state.root):
            raise self._stamper.unnamed()
        good = await self._stored(state)
        lacking = {target.digest for target in state.documents.values()} - good
        await self._ask(
            found, lambda cluster, _claim: bool(_needed(state, cluster) & (lacking - found.documents.keys()))
        )
        repairs = [
            Put(keys.blob(digest), found.documents[digest]) for digest in sorted(lacking & found.documents.keys())
        ]
        await self._writer.documents(repairs)
        if _is_held(held, revision, search, state):
            version = search.timestamp_version
        else:
            version = search.timestamp_version + 1
            if not await self._commit(search.rooted, state, version, revision):
                return None
        missing = sorted(t.path for t in state.documents.values() if t.digest in lacking - found.documents.keys())
        changed = version != search.timestamp_version or bool(repairs)
        _log.info("recovered", release=state.release, source=search.source, changed=changed, missing=len(missing))
        return pb.RecoverResponse(
            release=state.release, timestamp_version=version, changed=changed, source=search.source, missing=missing
        )

    async def _ask(self, found: _Found, wanted: Callable[[ClusterName, tuple[int, int, int]], bool]) -> None:
        """Ask agents for their releases, one at a time and in any order, while one may have what is wanted."""
        claims = list(self._fanout.claims().items())
        self._rng.shuffle(claims)
        for cluster, claim in claims:
            left = found.until - self._clock.monotonic()
            if left <= 0:
                return
            if cluster in found.asked or not wanted(cluster, claim):
                continue
            found.asked.add(cluster)
            offer = await self._fanout.ask(cluster, min(left, ANSWER_SECONDS))
            if offer is None:
                _log.warning("an agent that was asked for its release did not answer", cluster=cluster)
            elif not await _consider(found, of_agent(cluster, offer)):
                _log.warning("an agent offered a release that does not verify", cluster=cluster)

    async def _stored(self, state: TrustState) -> set[str]:
        """Return the documents that etcd has with the right bytes."""
        stored = await self._relay.cache.found({target.digest for target in state.documents.values()})
        return {digest for digest, real in stored.items() if real == digest}

    async def _commit(self, rooted: TrustState, state: TrustState, version: int, revision: int) -> bool:
        """Sign a timestamp and write the release; tell whether it counts now."""
        stamp = self._stamper.sign(state.snapshot or b"", version)
        bundle = Bundle(timestamp=stamp, snapshot=state.snapshot, targets=state.targets)
        final = await asyncio.to_thread(verify.advance, rooted, bundle, now=EXPIRY_NOT_JUDGED)
        wanted = dict(_metadata(self._relay.pinned, final))
        stored = await self._store.get_many(list(wanted))
        puts = [Put(key, data) for key, data in wanted.items() if key not in stored or stored[key].value != data]
        if not await self._writer.release(puts, final, on=revision):
            return False
        await self._relay.reload(verified=final)
        return True


async def _consider(found: _Found, candidate: Candidate) -> bool:
    """Judge a candidate; of one that verifies keep the documents that the best release names."""
    good = await asyncio.to_thread(found.search.consider, replace(candidate, blobs={}))
    best = found.search.best
    if good and best is not None:
        named = {target.digest for target in best.documents.values()}
        found.documents.update({digest: data for digest, data in candidate.blobs.items() if digest in named})
    return good


def _is_held(held: Held | None, revision: int, search: Search, state: TrustState) -> bool:
    """Tell whether this is what etcd has, and no newer timestamp of it is known."""
    return (
        held is not None
        and held.state is not None
        and held.revision == revision
        and (held.state.root, held.snapshot, held.state.targets) == (state.root, state.snapshot, state.targets)
        and held.timestamp_version == search.timestamp_version
    )


def _needed(state: TrustState, cluster: ClusterName) -> set[str]:
    return {target.digest for target in placed(state, cluster)}


def _metadata(pinned: TrustState, state: TrustState) -> Iterable[tuple[str, bytes]]:
    """Yield every file of a release with its key, the timestamp apart."""
    for version, root in enumerate((pinned.root, *state.followed), pinned.root_version):
        yield keys.metadata(ROOT, version), root
    for role, data in sorted(state.targets.items()):
        yield keys.metadata(role, state.versions[role]), data
    yield keys.metadata(SNAPSHOT, state.release), state.snapshot or b""


def _nothing() -> HubError:
    return HubError(
        Code.NOTHING_VERIFIES,
        "nobody who was asked has a release that verifies",
        where=keys.TIMESTAMP,
        remedy="run `edict hub recover` in the workspace that published last, or with --from-agents",
    )
