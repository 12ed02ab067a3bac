"""The connection to the hub: mutual TLS, each address in turn, every failure a coded message."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from edict.errors import HubError, UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1.federation_pb2_grpc import AdminStub
from edict.pki import csr
from edict_cli.codes import Code, Hub
from edict_cli.store import files
from edict_cli.store.settings import Address, addresses
from edict_cli.store.workspace import Workspace

R = TypeVar("R")
CONNECT_SECONDS = 4.0
"""For all addresses together: an unreachable hub is reported within five seconds."""
CALL_SECONDS = 60.0
PROBE_SECONDS = 0.3
MAX_MESSAGE = 512 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.enable_retries", 0),
]
_CODED = re.compile(r"Error \[(EDICT\d{4})\] .*", re.DOTALL)
_NOISE = re.compile(r"^([A-Z_]+: )?(ipv[46]:\S+: )?")
_GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


class RefusedError(HubError):
    """What the hub answered, printed as it was said."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(Hub.UNREADABLE, text)
        self.code = code

    def diagnostics(self) -> str:
        """Return the hub's own message."""
        return " ".join(self.what.split())


class HubClient:
    """A connection; a context manager that closes it."""

    def __init__(self, workspace: Workspace) -> None:
        """Connect.

        Raises:
            UsageError: EDICT0603, 0620 or 0621 when the operator's files cannot be used.
            HubError: EDICT0450 when no address answers within four seconds.
        """
        where = f"{workspace.folder}/workspace.yaml hub"
        self._channel = _connect(addresses(workspace.settings.hub, where=where), _credentials(workspace))
        self._stub = AdminStub(self._channel)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; a running watch ends."""
        self._channel.close()

    def state(self) -> pb.StateResponse:
        """Return the newest signed metadata, not yet believed."""
        response: pb.StateResponse = _call(self._stub.State, pb.StateRequest(), "State")
        return response

    def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return documents by digest, not yet believed."""
        response: pb.BlobsResponse = _call(self._stub.Blobs, pb.BlobsRequest(digests=digests), "Blobs")
        return {blob.digest: blob.content for blob in response.blobs}

    def publish(self, request: pb.PublishRequest) -> pb.PublishResponse:
        """Publish a release."""
        response: pb.PublishResponse = _call(self._stub.Publish, request, "Publish")
        return response

    def create_token(self, request: pb.CreateTokenRequest) -> None:
        """Let the hub know the hash of a token."""
        _call(self._stub.CreateToken, request, "CreateToken")

    def status(self, clusters: Sequence[str] = ()) -> pb.StatusResponse:
        """Return what each cluster last said, not yet believed."""
        response: pb.StatusResponse = _call(self._stub.Status, pb.StatusRequest(clusters=clusters), "Status")
        return response

    def watch(self, clusters: Sequence[str] = ()) -> Iterator[pb.StatusResponse]:
        """Yield the whole status, then each change, until the connection ends."""
        try:
            yield from self._stub.WatchStatus(pb.StatusRequest(clusters=clusters))
        except grpc.RpcError as error:
            raise _readable(error, "WatchStatus") from None


def _call(method: Callable[..., R], request: Message, name: str) -> R:
    try:
        return method(request, timeout=CALL_SECONDS)
    except grpc.RpcError as error:
        raise _readable(error, name) from None


def _readable(error: Any, name: str) -> HubError:
    details = str(error.details() or "")
    if coded := _CODED.fullmatch(details):
        return RefusedError(coded[1], details)
    if error.code() in _GONE:
        return HubError(
            Hub.LOST,
            f"the hub was lost before it answered: {_short(details)}",
            where=name,
            remedy="run the command again; `edict publish` finds out whether its release has arrived",
        )
    return HubError(
        Hub.UNREADABLE,
        f"what answered does not speak as a hub does: {error.code().name.lower()}: {_short(details)}",
        where=name,
        remedy="compare the versions of edict here and at the hub, and the address in workspace.yaml",
    )


def _credentials(workspace: Workspace) -> grpc.ChannelCredentials:
    folder = workspace.operator
    key = files.read_private(folder / "operator.key")
    certificate = files.read(folder / "operator.crt")
    authority = files.read(folder / "ca.crt")
    try:
        csr.load_private_key(key)
        end = csr.not_after(certificate)
        csr.not_after(authority)
    except ValueError:
        raise _certificate(workspace, "cannot be read") from None
    if end <= workspace.session.now():
        raise _certificate(workspace, f"expired at {end:%Y-%m-%dT%H:%M:%SZ}")
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _certificate(workspace: Workspace, why: str) -> UsageError:
    return UsageError(
        Code.CERTIFICATE,
        f"the operator's certificate {why}",
        where=f"{workspace.operator}/operator.crt",
        remedy="make a new one with `edict operator renew`",
    )


def _connect(targets: Sequence[Address], credentials: grpc.ChannelCredentials) -> grpc.Channel:
    end = time.monotonic() + CONNECT_SECONDS
    reasons = []
    for index, address in enumerate(targets):
        channel = grpc.secure_channel(str(address), credentials, options=_OPTIONS)
        if _ready(channel, max(0.0, end - time.monotonic()) / (len(targets) - index)):
            return channel
        reasons.append(f"{address}: {_why(channel)}")
        channel.close()
    raise HubError(
        Hub.UNREACHABLE,
        f"the hub cannot be reached: {'; '.join(reasons)}",
        where=",".join(map(str, targets)),
        remedy="check that edict-hub runs and that workspace.yaml has its address",
    )


def _ready(channel: grpc.Channel, seconds: float) -> bool:
    """Wait until a channel is connected, or has failed to."""
    decided = threading.Event()
    seen: list[grpc.ChannelConnectivity] = []

    def changed(state: grpc.ChannelConnectivity) -> None:
        if state in {grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE}:
            seen.append(state)
            decided.set()

    channel.subscribe(changed, try_to_connect=True)
    decided.wait(seconds)
    channel.unsubscribe(changed)
    return bool(seen) and seen[0] is grpc.ChannelConnectivity.READY


def _why(channel: grpc.Channel) -> str:
    """Return why a channel did not connect: a call on it fails with the reason, and at once."""
    try:
        AdminStub(channel).State(pb.StateRequest(), timeout=PROBE_SECONDS)
    except grpc.RpcError as error:
        failure: Any = error
        if failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return "no answer"
        return _short(str(failure.details() or failure.code().name.lower()))
    return "slow to answer"


def _short(details: str) -> str:
    """Return the end of grpc's chain of reasons, which is the cause."""
    words = " ".join(details.split())
    cause = words.rsplit("last error: ", 1)[-1]
    return _NOISE.sub("", cause) or "no reason"
