"""An author's desk: the real command in this process, a real hub on a real etcd, and a cluster that speaks to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.pki.csr import make_csr, new_private_key
from edict.pki.endorsement import endorse
from edict.pki.names import cluster_id
from edict.pki.token import Token
from edict.trust.receipts import PolicyReport
from edict_cli.main import run
from tests.unit.cli.reporting import ReportingCluster

PASSPHRASE = "correct horse"  # noqa: S105 - of throw-away keys


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Desk:
    """Runs the command through the same `run` that the installed one does."""

    workspace: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, expect: int | None = 0) -> Ended:
        self.capture.readouterr()
        begun = time.monotonic()
        code = run(["-C", str(self.workspace), *arguments])
        seconds = time.monotonic() - begun
        ended = Ended(code, *self.capture.readouterr(), seconds)
        assert expect is None or ended.code == expect, ended
        return ended

    def json(self, *arguments: str, expect: int | None = 0) -> Any:
        return json.loads(self(*arguments, "-o", "json", expect=expect).out)


class EnrolledCluster(ReportingCluster):
    """A cluster with a certificate of the hub's CA; sends receipts as an agent does.

    With ``before`` it goes on with that cluster's chain under a new key, which that one's key endorses.
    """

    def __init__(self, name: str, token: str, before: ReportingCluster | None = None) -> None:
        super().__init__(name)
        public = self.key.public_key().public_bytes_raw()
        if before is not None:
            self.chain = list(before.chain)
        pins = Token.decode(token)
        self._key = new_private_key()
        request = pb.EnrolRequest(
            cluster=name,
            token_secret=pins.secret,
            csr_pem=make_csr(self._key, cluster_id(pins.trust_domain, name)),
            receipt_public_key=public,
            receipt_endorsement=endorse(before.key, self.name, public) if before else b"",
            root_sha256=pins.root_sha256,
        )
        self._ca = pins.ca_pem.encode()
        with grpc.secure_channel(pins.enrol, grpc.ssl_channel_credentials(self._ca)) as channel:
            self._certificate = rpc.EnrolmentStub(channel).Enrol(request, timeout=10).certificate_pem
        self._hub = pins.hub.split(",", maxsplit=1)[0]

    def tell(self, *reports: PolicyReport, release: int, root_version: int = 1, **fields: Any) -> None:
        """Sign a receipt and hand it to the hub; returns once the hub has stored it."""
        self.report(*reports, release=release, time=datetime.now(UTC), root_version=root_version, **fields)
        self.deliver(self.chain[-1])

    def deliver(self, receipt: pb.Receipt) -> None:
        credentials = grpc.ssl_channel_credentials(self._ca, self._key, self._certificate)
        done = threading.Event()

        def messages() -> Iterator[pb.AgentMessage]:
            yield pb.AgentMessage(have=pb.Have(root_version=1))
            yield pb.AgentMessage(receipt=receipt)
            done.wait(10)

        with grpc.secure_channel(self._hub, credentials) as channel:
            stub = rpc.FederationStub(channel)
            assert stub.Hello(pb.HelloRequest(language_level=1), timeout=10).admitted
            stream = stub.Sync(messages())
            for message in stream:
                if message.WhichOneof("kind") == "receipt_ack" and message.receipt_ack.sequence >= receipt.sequence:
                    break
            done.set()
            stream.cancel()
