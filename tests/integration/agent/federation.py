"""A federation in a test: real keys and real signatures, and a relay that speaks the wire contract over real TLS.

The relay is small and does what a test tells it, also what no honest hub would: the agent's own behaviour is what
these tests are about. The real hub and the agent meet in tests/e2e.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import yaml
from securesystemslib.signer import CryptoSigner

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of
from edict.pki import csr
from edict.pki.ca import CertificateAuthority
from edict.pki.names import hub_id
from edict.pki.reenrol import Claim, check
from edict.pki.token import Token
from edict.policy.parse import load_one
from edict.trust import authoring
from edict.trust.cosigning import encoded
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import Holding
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.receipts import PolicyReport, fold, verify_receipt
from edict.trust.roles import (
    INVENTORY,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    WAIVERS,
    cluster_path,
    policy_path,
    team_role,
    waiver_path,
)
from edict.trust.timestamp import sign_timestamp

TRUST_DOMAIN = "test.example"
TEAM = "payments"


def policy(name: str, *, priority: int = 10, cidr: str = "192.0.2.0/24", **spec: Any) -> dict[str, Any]:
    """A policy that denies egress of every pod to one network."""
    rule = {"action": "Deny", "name": "no", "to": [{"networks": [cidr]}]}
    return {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "placement": {"clusterSelector": {}},
            "policy": {"tier": "Admin", "priority": priority, "subject": {"namespaces": {}}, "egress": [rule]},
            **spec,
        },
    }


def managed_cluster(name: str, plugin: str) -> dict[str, Any]:
    return {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "ManagedCluster",
        "metadata": {"name": name, "labels": {"env": "test"}},
        "spec": {"plugin": plugin},
    }


class Authors:
    """The keys of a federation, its newest metadata, and its documents."""

    def __init__(self) -> None:
        make = CryptoSigner.generate_ed25519
        self.keys = authoring.RootKeys(make(), make(), make(), make(), make(), {TEAM: make()})
        self.now = datetime.now(UTC)
        made = authoring.initial(self.keys, self.now)
        self.root = made.pop(ROOT)
        self.snapshot = made.pop(SNAPSHOT)
        self.targets = made
        self.release = 1
        self.timestamp_version = 0
        self.blobs: dict[str, bytes] = {}
        self.waivers = make()
        self.refresh()

    def refresh(self) -> None:
        """Sign a new timestamp for the same release."""
        self.timestamp_version += 1
        self.timestamp = sign_timestamp(
            self.keys.timestamp,
            self.snapshot,
            version=self.timestamp_version,
            expires=datetime.now(UTC) + timedelta(days=1),
        )

    def publish(self, *documents: dict[str, Any], removed: tuple[str, ...] = ()) -> int:
        """Sign documents into a new release; returns its number."""
        for document in documents:
            self._put(yaml.safe_dump(document).encode(), document)
        for name in removed:
            self._change(team_role(TEAM), authoring.Change(policy_path(TEAM, name), None, None))
        return self.seal()

    def may_waive(self, limits: Limits = UNLIMITED) -> None:
        """Let a key sign waivers from the next release on."""
        wish = Wish({WAIVERS: Holding((self.waivers.public_key,), 1, limits)})
        for role, metadata in draft(Base(self.root, self.targets), wish, datetime.now(UTC)).items():
            metadata.sign(self.keys.targets if role == TARGETS else self.waivers)
            self.targets[role] = encoded(metadata)

    def waive(self, policy: str, expires: datetime, name: str = "hotfix", **spec: Any) -> int:
        """Sign a waiver of one of the team's policies into a new release; returns its number."""
        return self.publish(
            {
                "apiVersion": "federation.edict.dev/v1alpha1",
                "kind": "Waiver",
                "metadata": {"name": name},
                "spec": {
                    "policy": f"{TEAM}/{policy}",
                    "clusters": {},
                    "reason": "the vendor's hotfix needs it",
                    "approver": "Ann Other",
                    "expires": expires.isoformat(),
                    **spec,
                },
            }
        )

    def seal(self) -> int:
        """Sign the present metadata as a new release."""
        self.release += 1
        self.snapshot = authoring.snapshot(
            self.targets, self.keys.snapshot, version=self.release, now=datetime.now(UTC)
        )
        self.refresh()
        return self.release

    def put_newer_language(self, document: dict[str, Any]) -> None:
        """Sign a policy with a field that no agent of today knows, as an author of a later version would."""
        parsed = load_one(yaml.safe_dump(document).encode(), "test")
        newer = {**document, "spec": {**document["spec"], "fromTheFuture": True}}
        content = yaml.safe_dump(newer).encode()
        self.blobs[digest_of(content)] = content
        name = document["metadata"]["name"]
        self._change(team_role(TEAM), authoring.Change(policy_path(TEAM, name), content, parsed))

    def _put(self, content: bytes, document: dict[str, Any]) -> None:
        parsed = load_one(content, "test")
        name = document["metadata"]["name"]
        path = {"ManagedCluster": cluster_path(name), "Waiver": waiver_path(name)}.get(document["kind"])
        path = path or policy_path(TEAM, name)
        self.blobs[digest_of(content)] = content
        self._change(path.rpartition("/")[0], authoring.Change(path, content, parsed))

    def _change(self, owner: str, change: authoring.Change) -> None:
        signer = {INVENTORY: self.keys.inventory, WAIVERS: self.waivers}.get(owner, self.keys.teams[TEAM])
        self.targets |= authoring.change(self.targets, owner, [change], signer, datetime.now(UTC))

    def message(self) -> pb.Release:
        """Return the whole release as a hub would send it to an agent that has nothing."""
        return pb.Release(
            release=self.release,
            timestamp_version=self.timestamp_version,
            timestamp=pb.Metadata(role=TIMESTAMP, version=self.timestamp_version, content=self.timestamp),
            snapshot=pb.Metadata(role=SNAPSHOT, version=self.release, content=self.snapshot),
            targets=[pb.Metadata(role=role, content=data) for role, data in sorted(self.targets.items())],
            blobs=[pb.Blob(digest=digest, content=content) for digest, content in self.blobs.items()],
        )


class Relay(rpc.EnrolmentServicer, rpc.FederationServicer):
    """Sends what it is told to whoever connects, and remembers what it hears."""

    def __init__(self, authors: Authors) -> None:
        now = datetime.now(UTC)
        self.authors = authors
        self.ca = CertificateAuthority.create(TRUST_DOMAIN, now)
        self.lifetime = timedelta(hours=24)
        self.secret = os.urandom(32)
        self.acks: list[pb.Ack] = []
        self.haves: list[pb.Have] = []
        self.hellos: list[pb.HelloRequest] = []
        self.receipts: dict[int, bytes] = {}
        self.heartbeats = 0
        self.enrolments = 0
        self.reenrols = True
        self.renewals = 0
        self.enrolled_keys: set[bytes] = set()
        self.receipt_key = b""
        self.silent = False
        self.heard = asyncio.Condition()
        self.outbox: set[asyncio.Queue[pb.HubMessage]] = set()
        self._server: grpc.aio.Server | None = None
        self.port = 0
        self.enrol_port = 0

    async def start(self) -> None:
        key = csr.new_private_key()
        request = csr.make_csr(key, hub_id(TRUST_DOMAIN))
        certificate = self.ca.issue_hub(request, ["127.0.0.1", "localhost"], datetime.now(UTC), timedelta(days=1))
        self._server = server = grpc.aio.server()
        rpc.add_EnrolmentServicer_to_server(self, server)
        rpc.add_FederationServicer_to_server(self, server)
        pair = ((key, certificate),)
        ca = self.ca.certificate_pem
        mutual = grpc.ssl_server_credentials(pair, root_certificates=ca, require_client_auth=True)
        self.port = server.add_secure_port(f"127.0.0.1:{self.port}", mutual)
        self.enrol_port = server.add_secure_port(f"127.0.0.1:{self.enrol_port}", grpc.ssl_server_credentials(pair))
        await server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)

    def token(self, cluster: str) -> Token:
        return Token(
            cluster=ClusterName(cluster),
            hub=f"127.0.0.1:{self.port}",
            enrol=f"127.0.0.1:{self.enrol_port}",
            trust_domain=TRUST_DOMAIN,
            secret=self.secret,
            ca_pem=self.ca.certificate_pem.decode(),
            root_sha256=hashlib.sha256(self.authors.root).hexdigest(),
        )

    def send(self, message: pb.Release | None = None) -> None:
        """Send a release (the newest, or a given one) to every open stream."""
        for queue in self.outbox:
            queue.put_nowait(pb.HubMessage(release=message or self.authors.message()))

    def reports(self) -> dict[str, PolicyReport]:
        """Return what the verified chain of cluster `one` says of each policy."""
        chain = [
            (raw, verify_receipt(raw, self.receipt_key.hex(), ClusterName("one")))
            for _, raw in sorted(self.receipts.items())
        ]
        return dict(fold(chain).policies) if chain else {}

    async def reported(self, name: str, state: str, code: str = "") -> PolicyReport:
        """Wait until the receipts say this of a policy of the team."""

        def found() -> PolicyReport | None:
            report = self.reports().get(f"{TEAM}/{name}")
            return report if report and (report.state.value, report.code) == (state, code) else None

        await self.when(found)
        report = found()
        assert report is not None
        return report

    async def until(self, stage: int, release: int) -> pb.Ack:
        """Wait for an acknowledgement."""

        def found() -> list[pb.Ack]:
            return [ack for ack in self.acks if ack.stage == stage and ack.release == release]

        await self.when(lambda: bool(found()))
        return found()[-1]

    async def when(self, condition: Any) -> None:
        """Wait until something that was heard makes a condition hold."""
        async with asyncio.timeout(30), self.heard:
            await self.heard.wait_for(condition)

    async def Enrol(self, request: pb.EnrolRequest, context: Any) -> pb.EnrolResponse:  # noqa: N802 - the name in the contract
        self.enrolments += 1
        if request.token_secret != self.secret:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "Error [EDICT0350] no such enrolment token.")
        self.receipt_key = request.receipt_public_key
        self.enrolled_keys.add(request.csr_pem)
        certificate = self.ca.issue_cluster(
            request.csr_pem, ClusterName(request.cluster), datetime.now(UTC), self.lifetime
        )
        return pb.EnrolResponse(certificate_pem=certificate, root=self.authors.root)

    async def Reenrol(self, request: pb.ReenrolRequest, context: Any) -> pb.EnrolResponse:  # noqa: N802 - the name in the contract
        now, claim = datetime.now(UTC), Claim(request.certificate_pem, request.csr_pem, request.at_unix)
        if not self.reenrols:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "Error [EDICT0310] that is too long ago.")
        believed = [self.ca.certificate]
        name = check(claim, request.proof, believed=believed, trust_domain=TRUST_DOMAIN, now=now)
        certificate = self.ca.issue_cluster(request.csr_pem, name, now, self.lifetime)
        return pb.EnrolResponse(certificate_pem=certificate, root=self.authors.root)

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:  # noqa: N802 - the name in the contract
        self.renewals += 1
        name = self._peer(context)
        certificate = self.ca.issue_cluster(request.csr_pem, name, datetime.now(UTC), self.lifetime)
        await self._notify()
        return pb.RenewResponse(certificate_pem=certificate)

    async def Hello(self, request: pb.HelloRequest, context: Any) -> pb.HelloResponse:  # noqa: N802 - the name in the contract
        self._peer(context)
        self.hellos.append(request)
        return pb.HelloResponse(
            admitted=True, release=self.authors.release, receipt_sequence=max(self.receipts, default=0)
        )

    async def Sync(  # noqa: N802 - the name in the contract
        self, requests: AsyncIterator[pb.AgentMessage], context: Any
    ) -> AsyncIterator[pb.HubMessage]:
        self._peer(context)
        queue: asyncio.Queue[pb.HubMessage] = asyncio.Queue(maxsize=64)
        reading = asyncio.create_task(self._read(requests, queue))
        self.outbox.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.outbox.discard(queue)
            reading.cancel()

    async def _read(self, requests: AsyncIterator[pb.AgentMessage], queue: asyncio.Queue[pb.HubMessage]) -> None:
        async for message in requests:
            match message.WhichOneof("kind"):
                case "have":
                    self.haves.append(message.have)
                    if not self.silent and message.have.timestamp_version < self.authors.timestamp_version:
                        queue.put_nowait(pb.HubMessage(release=self.authors.message()))
                case "ack":
                    self.acks.append(message.ack)
                case "receipt":
                    self.receipts.setdefault(message.receipt.sequence, message.receipt.envelope)
                    ack = pb.ReceiptAck(sequence=message.receipt.sequence)
                    queue.put_nowait(pb.HubMessage(receipt_ack=ack))
                case "heartbeat":
                    self.heartbeats += 1
            await self._notify()

    async def _notify(self) -> None:
        async with self.heard:
            self.heard.notify_all()

    @staticmethod
    def _peer(context: Any) -> ClusterName:
        names = [value.decode() for value in context.auth_context().get("x509_subject_alternative_name", [])]
        return ClusterName(names[0].rpartition("/")[2])


@asynccontextmanager
async def relaying(authors: Authors) -> AsyncIterator[Relay]:
    relay = Relay(authors)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


def write_token(path: Path, token: Token) -> Path:
    path.write_text(token.encode())
    return path
