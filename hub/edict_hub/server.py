"""One replica: its parts put together, started in order, kept running, and ended so that agents go elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edict import log
from edict.clock import Clock
from edict.errors import EdictError, HubError
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName
from edict.trust import verify
from edict.trust.keys import load_signer
from edict_hub import config as settings
from edict_hub import files, metrics, raw
from edict_hub.alarms import Alarms
from edict_hub.archive import Archive
from edict_hub.archiver import Archiver
from edict_hub.authority import Authority
from edict_hub.commit import Writer
from edict_hub.config import Config
from edict_hub.evidence import Evidence
from edict_hub.fanout import Fanout
from edict_hub.gate import Gate, banned, not_in_inventory
from edict_hub.leaf import Leaf
from edict_hub.listening import AGENT_BYTES, ENROLMENT_BYTES, listen, server
from edict_hub.publish import Publisher
from edict_hub.receipts import KEPT, Receipts
from edict_hub.recovery import Recovery
from edict_hub.relay import Relay
from edict_hub.services._issuing import Issuer
from edict_hub.services.admin import Admin
from edict_hub.services.enrolment import Enrolment
from edict_hub.services.federation import Federation
from edict_hub.stamping import Stamper
from edict_hub.status import StatusTable
from edict_hub.store import Store, keys
from edict_hub.tls import ServerTls
from edict_hub.tokens import Tokens

_log = log.get(__name__)
GRACE_SECONDS = 5.0
REFRESH_SECONDS = 30.0
MAX_ENROLMENTS = 64
"""Enrolments at once: anybody can call, and each that is refused here is tried again."""


@dataclass(frozen=True)
class Addresses:
    """Where a replica listens, with the ports that port 0 became."""

    mtls: str
    enrol: str


class Replica:
    """One hub process's parts; :meth:`serve` runs them.

    Attributes:
        relay: the release.
        fanout: the agents' streams.
        status: what agents say.
        publisher: commits releases.
        alarms: what is wrong.
        federation: the agents' service.
        admin: the operators' service.
        enrolment: the service for new clusters.
    """

    def __init__(self, config: Config, store: Store, clock: Clock, rng: random.Random) -> None:
        """Read every file that the configuration names.

        Raises:
            HubError: EDICT0406 or 0407 for a file.
            TrustError, IdentityError: a file is not what it must be.
        """
        authority = Authority(Path(config.ca_cert), Path(config.ca_key), config.trust_domain)
        self._leaf = leaf = Leaf(Path(config.server_cert), Path(config.server_key), authority, clock, rng)
        signer = load_signer(Path(config.timestamp_key), None)
        lifetime = settings.seconds(config.timestamp_lifetime, "timestampLifetime")
        self._config = config
        self._clock = clock
        self._rng = rng
        self._tls = ServerTls(leaf, authority), ServerTls(leaf, None)
        self.relay = Relay(store, clock, verify.pin(files.read(Path(config.root))))
        self.status = StatusTable(store, clock)
        self.fanout = Fanout(self.relay, clock, max_agents=config.max_agents)
        writer, stamper = Writer(store, config.replica), Stamper(signer, lifetime, clock)
        self.publisher = Publisher(store, self.relay, writer, stamper, clock)
        self.alarms = Alarms(self.relay, self.status, stamper, clock)
        archive = Archive(config.archive) if config.archive else None
        self._archiver = Archiver(store, archive, clock, rng) if archive is not None else None
        receipts = Receipts(store, self.relay.receipt_key, archived=archive is not None)
        tokens = Tokens(store, clock)
        gate = Gate(config.trust_domain, self.relay, self.status, clock)
        issuer = Issuer(authority, settings.seconds(config.certificate_lifetime, "certificateLifetime"), clock)
        self.federation = Federation(
            gate=gate,
            relay=self.relay,
            fanout=self.fanout,
            status=self.status,
            receipts=receipts,
            issuer=issuer,
            clock=clock,
            rng=rng,
        )
        self.admin = Admin(
            gate=gate,
            relay=self.relay,
            publisher=self.publisher,
            recovery=Recovery(store, self.relay, self.fanout, writer, stamper, clock=clock, rng=rng),
            alarms=self.alarms,
            status=self.status,
            receipts=receipts,
            evidence=Evidence(store, self.relay, archive),
            tokens=tokens,
            clock=clock,
            replica=config.replica,
        )
        self.enrolment = Enrolment(relay=self.relay, status=self.status, tokens=tokens, issuer=issuer)
        self.relay.on_change += [self.status.poke, self._expel]
        self.status.bans.on_ban = self._ban

    async def serve(self, ready: Callable[[Addresses], None], stop: asyncio.Event) -> None:
        """Serve until ``stop``; ``ready`` is called once with the addresses.

        Raises:
            HubError: EDICT0401 when etcd is out of reach at the start; EDICT0408 when an address cannot be opened.
        """
        await self.relay.reload()
        await self.status.load()
        mtls, enrol = self._servers()
        addresses = Addresses(
            listen(mtls, self._config.mtls_listen, self._tls[0]),
            listen(enrol, self._config.enrol_listen, self._tls[1]),
        )
        self._observe()
        try:
            async with asyncio.TaskGroup() as group:
                loops = [
                    self.relay.run(),
                    self.status.run(),
                    self.fanout.run(),
                    self.alarms.run(),
                    self._refresh(),
                    self._archive(),
                ]
                tasks = [group.create_task(loop) for loop in loops]
                await mtls.start()
                await enrol.start()
                ready(addresses)
                await stop.wait()
                await self._end(mtls, enrol)
                for task in tasks:
                    task.cancel()
        finally:
            await mtls.stop(None)
            await enrol.stop(None)

    def _servers(self) -> tuple[Any, Any]:
        mtls, enrol = server(AGENT_BYTES), server(ENROLMENT_BYTES, at_once=MAX_ENROLMENTS)
        mtls.add_generic_rpc_handlers((self.federation.handler(),))
        rpc.add_AdminServicer_to_server(self.admin, mtls)
        rpc.add_EnrolmentServicer_to_server(self.enrolment, enrol)
        return mtls, enrol

    async def _end(self, mtls: Any, enrol: Any) -> None:
        """Let publishes finish, end every stream without an error so that agents connect elsewhere, write status."""
        _log.info("ending")
        stopping = [asyncio.create_task(each.stop(GRACE_SECONDS)) for each in (mtls, enrol)]
        await self.publisher.idle()
        self.fanout.close()
        self.status.close()
        await asyncio.wait(stopping)
        with contextlib.suppress(HubError):
            await self.status.flush()

    async def _refresh(self) -> None:
        while True:
            lifetime = settings.seconds(self._config.timestamp_lifetime, "timestampLifetime").total_seconds()
            await self._clock.sleep(min(REFRESH_SECONDS, lifetime / 8) * self._rng.uniform(0.5, 1.5))
            try:
                await self.publisher.refresh()
            except EdictError as error:
                _log.warning("the timestamp could not be signed anew", code=error.code, error=error.what)
            except Exception:  # noqa: BLE001 - agents and publishes go on; the age of the timestamp is a metric
                _log.exception("the timestamp could not be signed anew, and nobody foresaw why")

    async def _archive(self) -> None:
        """Move old receipts to the archive; without one, say what that means."""
        if self._archiver is None:
            _log.warning("no archive is configured: older receipts are deleted", receipts=KEPT)
            return
        await self._archiver.run()

    def _ban(self, cluster: ClusterName) -> None:
        session = self.fanout.sessions.get(cluster)
        if session is not None:
            session.close(banned(cluster) if cluster in self.status.bans else None)

    def _expel(self) -> None:
        """End the streams of clusters that the inventory no longer has."""
        for session in self.fanout.sessions.values():
            if not self.relay.admits(session.cluster):
                session.close(not_in_inventory(session.cluster))

    def _observe(self) -> None:
        metrics.observe(
            metrics.Gauges(
                release=lambda: held.release if (held := self.relay.held) else 0,
                agents=lambda: len(self.fanout.sessions),
                queued=lambda: self.fanout.queued,
                faults=lambda: len(self.alarms.faults),
                timestamp_age=self._timestamp_age,
                timestamp_left=self._timestamp_left,
                snapshot_left=self._snapshot_left,
                certificate_left=self._leaf.left,
            )
        )

    def _timestamp_age(self) -> float:
        if self.relay.held is None:
            return 0.0
        lifetime = settings.seconds(self._config.timestamp_lifetime, "timestampLifetime")
        return lifetime.total_seconds() - self._timestamp_left()

    def _timestamp_left(self) -> float:
        held = self.relay.held
        expires = raw.expiry_of(held.timestamp, keys.TIMESTAMP) if held else None
        return (expires - self._clock.now()).total_seconds() if expires else 0.0

    def _snapshot_left(self) -> float:
        expires = self.relay.trusted.expires
        return (expires - self._clock.now()).total_seconds() if expires else 0.0
