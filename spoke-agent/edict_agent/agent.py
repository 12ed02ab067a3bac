"""The agent as a whole: puts the parts together, starts them in order, and ends them.

Order: the lease, the identity, what was stored (verified again and enforced at once, hub or no hub), then the hub.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import httpx2

from edict import log
from edict.clock import Clock
from edict.federation.v1 import federation_pb2 as pb
from edict.policy.model import LANGUAGE_LEVEL
from edict.trust import verify
from edict_agent.backoff import persist
from edict_agent.config import Settings
from edict_agent.conformance.chain import Chain
from edict_agent.credentials import Credentials
from edict_agent.enforcing import Enforcing
from edict_agent.health import Health
from edict_agent.kube import Kube
from edict_agent.kube.resources import CONFIG_MAP
from edict_agent.lease import Lease
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.reconcile.compare import SELECTOR
from edict_agent.reconcile.order import KINDS
from edict_agent.reporter import STATUS, Reporter
from edict_agent.store.identity import IdentityStore
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.client import HubClient
from edict_agent.sync.enrol import Enrol, ask
from edict_agent.sync.intake import Intake
from edict_agent.sync.link import Dial, dial
from edict_agent.sync.session import Session

VERSION = version("edict-federation")
_log = log.get("edict_agent.agent")


@dataclass(frozen=True)
class Surroundings:
    """What the agent does not make itself, so that tests can."""

    kube: Kube
    clock: Clock
    rng: random.Random
    metrics: Metrics
    health: Health
    dial: Dial = dial
    enrol: Enrol = ask


class Agent:
    """One agent. `run` until it is cancelled."""

    def __init__(self, settings: Settings, around: Surroundings) -> None:
        self._settings = settings
        self._around = around
        self._lease = Lease(around.kube, settings.namespace, settings.holder, clock=around.clock)
        self._acks = Acks()

    async def run(self) -> None:
        """Take the lease, then work for as long as it holds.

        Raises:
            EdictError: what a person must mend (in an ExceptionGroup when it came out of a task).
        """
        await self._lease.acquire()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lease.hold())
                group.create_task(self._work())
        finally:
            await self._lease.release()

    async def _work(self) -> None:
        around, settings = self._around, self._settings
        credentials = await Credentials.load(
            IdentityStore(around.kube, settings.namespace),
            settings.token,
            settings.cluster,
            clock=around.clock,
            rng=around.rng,
            call=around.enrol,
        )
        pins = credentials.identity.pins
        enrol_at = Addresses(settings.enrol or pins.enrol, around.rng)
        await credentials.enrol_first(enrol_at)
        store = StateStore(around.kube, settings.namespace, clock=around.clock)
        memory = await self._remember(store, credentials)
        chain = Chain(
            store,
            credentials.identity.signer,
            pins.cluster,
            clock=around.clock,
            version=VERSION,
            on_receipt=self._acks.wake.set,
        )
        credentials.on_receipt_key = chain.sign_with
        reporter = Reporter(around.kube, settings.namespace, memory, chain, clock=around.clock)
        intake = Intake(memory, self._acks, clock=around.clock, metrics=around.metrics)
        client = HubClient(
            credentials,
            Session(memory, self._acks, chain, intake, clock=around.clock),
            chain,
            lambda: _hello(memory, reporter),
            hub=Addresses(settings.hub or pins.hub, around.rng),
            enrol=enrol_at,
            clock=around.clock,
            rng=around.rng,
            metrics=around.metrics,
            dial=around.dial,
        )
        enforcing = Enforcing(
            around.kube,
            memory,
            self._acks,
            reporter,
            namespace=settings.namespace,
            facts_every=settings.facts_every,
            clock=around.clock,
            rng=around.rng,
            metrics=around.metrics,
            health=around.health,
            may_write=self._lease.held,
        )
        credentials.root = lambda: memory.state.root
        memory.on_change = lambda: _release_changed(reporter, chain)
        memory.on_root = client.root_changed
        async with asyncio.TaskGroup() as group:
            group.create_task(enforcing.run())
            group.create_task(reporter.run())
            group.create_task(intake.run())
            group.create_task(client.run())

    async def _remember(self, store: StateStore, credentials: Credentials) -> Memory:
        """Take up the stored release; when there should be one and is not, say that the floor is lost."""
        around, identity = self._around, credentials.identity
        stored = await store.load()
        root = verify.pin(identity.root, identity.pins.root_sha256)
        memory = Memory(store, identity.pins.cluster, root, metrics=around.metrics)
        if stored is not None and memory.restore(stored):
            _log.info("restored", release=memory.state.release, applied=len(memory.applied))
        elif not memory.floor_lost and (store.head.generation or await self._has_run_before()):
            await memory.lose_floor(around.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
            _log.error("FloorLost: a release was enforced here and the state is gone", since=memory.floor_lost)
        return memory

    async def _has_run_before(self) -> bool:
        return await self._release_shown() or await self._objects_stand()

    async def _release_shown(self) -> bool:
        """Tell whether the ConfigMap for people names a release, which stands also where no policy is placed."""
        kube, namespace = self._around.kube, self._settings.namespace
        shown = await persist(self._around.clock, lambda: kube.get(CONFIG_MAP, STATUS, namespace))
        return shown is not None and (shown.get("data") or {}).get("release", "0") != "0"

    async def _objects_stand(self) -> bool:
        for resource in dict.fromkeys(kind for kinds in KINDS.values() for kind in kinds):
            try:
                found = partial(self._around.kube.list, resource, labels=SELECTOR)
                items, _ = await persist(self._around.clock, found)
            except httpx2.HTTPStatusError:
                continue  # a kind of the other plugin: not served here, or not ours to read
            if items:
                return True
        return False


def _release_changed(reporter: Reporter, chain: Chain) -> None:
    chain.rewind()  # the release may pin the key whose receipts the hub did not take so far
    if reporter.enforcement is not None:
        reporter.enforcement.release_changed()
    reporter.wake.set()


def _hello(memory: Memory, reporter: Reporter) -> pb.HelloRequest:
    enforcement = reporter.enforcement
    return pb.HelloRequest(
        agent_version=VERSION,
        language_level=LANGUAGE_LEVEL,
        dialect=enforcement.dialect.value if enforcement else "",
        plugin_version=enforcement.facts.plugin_version if enforcement else "",
        root_version=memory.state.root_version,
        release=memory.state.release,
    )
