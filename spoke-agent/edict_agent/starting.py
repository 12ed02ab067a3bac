"""The identity that an agent starts with: the stored one, or a new one; and the keys for a token that is new to it."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from edict import log
from edict.clock import Clock
from edict.errors import IdentityError
from edict.pki.token import Token
from edict_agent.backoff import persist
from edict_agent.codes import IdentityCode
from edict_agent.store.identity import Identity, IdentityStore, new_identity, next_keys
from edict_agent.sync.enrol import checked_cluster

_log = log.get("edict_agent.starting")


async def stored_or_made(store: IdentityStore, token: Token | None, cluster: str, clock: Clock) -> Identity:
    """Read the stored identity, or make one from the token and store it.

    Args:
        store: where it is kept.
        token: as it was given; None when there is none (any more).
        cluster: the name on the command line; empty is any.
        clock: for the pauses while the API server is away.

    Returns:
        The identity; with keys that are next when it has enrolled and the token is another than that of then.

    Raises:
        IdentityError: EDICT0320 without either, EDICT0321 when names differ, EDICT0324 when it is unreadable.
    """
    identity = await persist(clock, store.load)
    if identity is None:
        if token is None:
            raise IdentityError(
                IdentityCode.NO_TOKEN,
                "this agent has never enrolled, and there is no token",
                remedy="make one with `edict cluster token` and give it by --token-file or EDICT_TOKEN",
            )
        checked_cluster(token.cluster, cluster)
        identity = new_identity(token)
        await persist(clock, partial(store.create, identity))
        _log.info("identity made", cluster=token.cluster)
    elif token is not None:
        checked_cluster(identity.pins.cluster, token.cluster)
        identity = await _beside(identity, token, store, clock)
    checked_cluster(identity.pins.cluster, cluster)
    return identity


async def _beside(identity: Identity, token: Token, store: IdentityStore, clock: Clock) -> Identity:
    """Return the identity with what a token that it has not enrolled with says of it: keys beside it, addresses."""
    digest = token.secret_sha256.hex()
    if identity.token == digest:
        return replace(identity, next=None)
    if identity.enrolled and (identity.next is None or identity.next.token != digest):
        identity = replace(identity, next=next_keys(identity, token))
        await persist(clock, partial(store.save, identity))
    return replace(identity, pins=replace(identity.pins, hub=token.hub, enrol=token.enrol))
