"""The calls to the hub; every failure is a coded message, and the hub's own are printed as it said them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from edict.errors import HubError, printable
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1.federation_pb2_grpc import AdminStub
from edict_cli.codes import Hub
from edict_cli.connection import connect, short
from edict_cli.store.workspace import Workspace

R = TypeVar("R")
CALL_SECONDS = 60.0
RECOVER_SECONDS = 180.0
"""Agents are asked one after the other."""
_CODED = re.compile(r"Error \[(EDICT\d{4})\] .*", re.DOTALL)
_GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


class RefusedError(HubError):
    """What the hub answered, printed as it was said."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(Hub.UNREADABLE, text)
        self.code = code

    def diagnostics(self) -> str:
        """Return the hub's own message: its words, and nothing that a terminal would obey."""
        return printable(" ".join(self.what.split()))


class HubClient:
    """A connection; a context manager that closes it."""

    def __init__(self, workspace: Workspace) -> None:
        """Connect; raises as :func:`edict_cli.connection.connect`."""
        self._channel = connect(workspace)
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

    def recover(self, request: pb.RecoverRequest) -> pb.RecoverResponse:
        """Let the hub bring back what it has lost."""
        response: pb.RecoverResponse = _call(self._stub.Recover, request, "Recover", seconds=RECOVER_SECONDS)
        return response

    def create_token(self, request: pb.CreateTokenRequest) -> None:
        """Let the hub know the hash of a token."""
        _call(self._stub.CreateToken, request, "CreateToken")

    def ban(self, cluster: str, reason: str) -> None:
        """Cut a cluster off."""
        _call(self._stub.Ban, pb.BanRequest(cluster=cluster, reason=reason), "Ban")

    def unban(self, cluster: str, *, same_keys: bool) -> None:
        """Let a cluster back: with the certificate that it has, or by a new token."""
        _call(self._stub.Unban, pb.UnbanRequest(cluster=cluster, same_keys=same_keys), "Unban")

    def status(self, clusters: Sequence[str] = ()) -> pb.StatusResponse:
        """Return what each cluster last said, not yet believed."""
        response: pb.StatusResponse = _call(self._stub.Status, pb.StatusRequest(clusters=clusters), "Status")
        return response

    def history(self) -> Iterator[pb.Metadata]:
        """Yield every signed metadata file, oldest first, not yet believed."""
        return _stream(self._stub.History, pb.HistoryRequest(), "History")

    def receipts(self, cluster: str) -> Iterator[pb.Receipt]:
        """Yield every receipt of a cluster, oldest first, not yet believed."""
        return _stream(self._stub.Receipts, pb.ReceiptsRequest(cluster=cluster), "Receipts")

    def watch(self, clusters: Sequence[str] = ()) -> Iterator[pb.StatusResponse]:
        """Yield the whole status, then each change, until the connection ends."""
        return _stream(self._stub.WatchStatus, pb.StatusRequest(clusters=clusters), "WatchStatus")


def _call(method: Callable[..., R], request: Message, name: str, *, seconds: float = CALL_SECONDS) -> R:
    try:
        return method(request, timeout=seconds)
    except grpc.RpcError as error:
        raise _readable(error, name) from None


def _stream(method: Callable[..., Iterator[R]], request: Message, name: str) -> Iterator[R]:
    try:
        yield from method(request)
    except grpc.RpcError as error:
        raise _readable(error, name) from None


def _readable(error: Any, name: str) -> HubError:
    details = str(error.details() or "")
    if coded := _CODED.fullmatch(details):
        return RefusedError(coded[1], details)
    if error.code() in _GONE:
        return HubError(
            Hub.LOST,
            f"the hub was lost before it answered: {short(details)}",
            where=name,
            remedy="run the command again; `edict publish` finds out whether its release has arrived",
        )
    return HubError(
        Hub.UNREADABLE,
        f"what answered does not speak as a hub does: {error.code().name.lower()}: {short(details)}",
        where=name,
        remedy="compare the versions of edict here and at the hub, and the address in workspace.yaml",
    )
