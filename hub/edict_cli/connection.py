"""Connecting to the hub: mutual TLS, each address in turn, and why it did not work."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from typing import Any

import grpc

from edict.errors import HubError, IdentityError, UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1.federation_pb2_grpc import AdminStub
from edict.pki import csr
from edict_cli import believed
from edict_cli.codes import Code, Hub
from edict_cli.store import files
from edict_cli.store.settings import Address, addresses
from edict_cli.store.workspace import Workspace

CONNECT_SECONDS = 4.0
"""For all addresses together: an unreachable hub is reported within five seconds."""
PROBE_SECONDS = 0.3
MAX_MESSAGE = 512 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.enable_retries", 0),
]
_RENEW = "make a new one with `edict operator renew`"
_NOISE = re.compile(r"^([A-Z_]+: )?(ipv[46]:\S+: )?")


def connect(workspace: Workspace) -> grpc.Channel:
    """Return a channel that is connected.

    Raises:
        UsageError: EDICT0603, 0620 or 0621 when the operator's files cannot be used.
        HubError: EDICT0450 when no address answers within four seconds.
    """
    where = f"{workspace.folder}/workspace.yaml hub"
    credentials = _credentials(workspace, believed.dialled_with(workspace))
    return _connect(addresses(workspace.settings.hub, where=where), credentials)


def short(details: str) -> str:
    """Return the end of grpc's chain of reasons, which is the cause."""
    words = " ".join(details.split())
    cause = words.rsplit("last error: ", 1)[-1]
    return _NOISE.sub("", cause) or "no reason"


def reach(workspace: Workspace, address: Address, authority: bytes) -> grpc.Channel:
    """Return a channel to one address that is connected under one authority, PEM. Raises as :func:`connect`."""
    return _connect([address], _credentials(workspace, authority))


def _credentials(workspace: Workspace, authority: bytes) -> grpc.ChannelCredentials:
    folder = workspace.operator
    key = files.read_private(folder / "operator.key")
    certificate = files.read(folder / "operator.crt")
    csr.load_private_key(key, where=f"{folder}/operator.key", remedy=_RENEW)
    try:
        end = csr.not_after(certificate)
        csr.not_after(authority)
    except IdentityError:
        raise _certificate(workspace, "cannot be read") from None
    if end <= workspace.session.now():
        raise _certificate(workspace, f"expired at {end:%Y-%m-%dT%H:%M:%SZ}")
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _certificate(workspace: Workspace, why: str) -> UsageError:
    return UsageError(
        Code.CERTIFICATE,
        f"the operator's certificate {why}",
        where=f"{workspace.operator}/operator.crt",
        remedy=_RENEW,
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
        return short(str(failure.details() or failure.code().name.lower()))
    return "slow to answer"
