"""The agent's settings: the one place where the command line and the environment end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edict.codes import Code
from edict.errors import UsageError
from edict.pki.token import Token

MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Listen:
    """A host and a port to listen on; port 0 takes a free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """What the agent was started with.

    Attributes:
        namespace: its own.
        cluster: the cluster's name; empty takes the token's.
        hub: addresses of the mutual TLS port, separated by commas; empty takes the token's.
        enrol: addresses of the enrolment port, likewise.
        token: for the first start.
        kubeconfig: None in a Pod.
        holder: the name under which the lease is held; empty makes one up.
        health: serves /livez, /readyz and /metrics; None serves nothing.
        metrics: serves /metrics alone; None serves nothing.
        otlp: OTLP collector; empty sends nothing.
        max_age: seconds since the last verified release after which the agent is not ready.
        facts_every: seconds between two readings of the cluster's facts.
    """

    namespace: str
    cluster: str = ""
    hub: str = ""
    enrol: str = ""
    token: Token | None = field(default=None, repr=False)
    kubeconfig: Path | None = None
    holder: str = ""
    health: Listen | None = None
    metrics: Listen | None = None
    otlp: str = ""
    max_age: float = 86400.0
    facts_every: float = 60.0


def listen(text: str) -> Listen | None:
    """Read ``host:port``; ``:port`` listens on every address, empty on none.

    Raises:
        UsageError: EDICT0680.
    """
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > MAX_PORT:
        raise UsageError(Code.LISTEN_ADDRESS, f"{text!r} is not host:port", remedy="give for example 127.0.0.1:9090")
    return Listen(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - ":port" asks for it


def read_token(text: str, file: Path | None) -> Token | None:
    """Read the enrolment token from the environment or a file; None when neither is there (any more).

    Raises:
        IdentityError: EDICT0307 when it is no token.
        UsageError: EDICT0681 when the file cannot be read.
    """
    if text:
        return Token.decode(text)
    if file is None:
        return None
    try:
        content = file.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            681, f"the token file cannot be read: {error}", where=str(file), remedy="check --token-file"
        ) from None
    return Token.decode(content) if content.strip() else None
