"""The words of `edict explain`: who speaks to whom, over what, as a connection."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

from msgspec.structs import replace

from edict.errors import UsageError
from edict.policy.world import Flow, Request, World, address_of
from edict_cli.codes import Code
from edict_cli.explaining import Place

_PORT = re.compile(r"(?P<port>[0-9]{1,5})(/(?P<protocol>tcp|udp|sctp))?", re.IGNORECASE)
_ICMP = re.compile(r"icmp(/(?P<type>[0-9]{1,3})(/(?P<code>[0-9]{1,3}))?)?", re.IGNORECASE)
_OTHER = re.compile(r"[a-z][a-z0-9-]*", re.IGNORECASE)
_NUMBERED = frozenset({"tcp", "udp", "sctp"})
_NAME = re.compile(r"(?!.*\.\.)(?!(.*\.)?[0-9]+\.?$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
"""A domain name; its last part is no number, which a resolver would take for an address (``1.2.3`` is 1.2.0.3)."""
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<url>\S+)")
_MOST_PORTS, _MOST_TYPES = 65535, 255
IPV6 = 6
_ECHO = {"icmp": 8, "icmpv6": 128}
"""The type of an echo request, which is what a ping sends."""


def ends(world: World, source: str, destination: str, address: str | None) -> tuple[tuple[Place, Place], World]:
    """Return both ends with addresses of one IP version, and the world that knows a domain name's address.

    Args:
        world: the cluster.
        source: ``namespace/pod`` or an address.
        destination: the same, or a domain name.
        address: the domain name's, looked up where it is None.

    Raises:
        UsageError: EDICT0625 for what is not there, EDICT0626 where the two have no IP version in common.
    """
    froms, tos = _addresses(world, source, "--from"), _destination(world, destination, address)
    for one in froms:
        for other in tos:
            if address_of(one).version == address_of(other).version:
                found = (_place(world, source, one, "--from"), _place(world, destination, other, "--to"))
                return found, _named(world, destination, other)
    raise UsageError(
        Code.CONNECTION,
        f"{source} ({', '.join(froms)}) and {destination} ({', '.join(tos)}) have no IP version in common",
        where="--from, --to",
        remedy="give two of one version",
    )


def flow(places: tuple[Place, Place], port: str, request: str | None) -> Flow:
    """Return the connection.

    Args:
        places: both ends.
        port: ``443``, ``443/TCP``, ``icmp`` (a ping), ``icmp/8``, ``icmp/3/1``, or the name of another protocol.
        request: ``METHOD /path`` or ``METHOD http://host/path``; without a host it is the destination's name.

    Raises:
        UsageError: EDICT0626.
    """
    source, destination = places
    made = _spoken(Flow(source.address, destination.address, "tcp"), port)
    if request is None:
        return made
    found = _REQUEST.fullmatch(request)
    url = urlsplit(found["url"]) if found else None
    if found is None or url is None or not url.path.startswith("/") or made.protocol != "tcp":
        raise UsageError(
            Code.CONNECTION,
            f"{request!r} is no HTTP request over {port}",
            where="--request",
            remedy="write 'GET /status' or 'GET http://api.example/status', and --port NUMBER/TCP",
        )
    return replace(made, request=Request(found["method"], url.path, url.netloc or _host(destination)))


def _spoken(base: Flow, port: str) -> Flow:
    if found := _PORT.fullmatch(port):
        number = int(found["port"])
        if 1 <= number <= _MOST_PORTS:
            return replace(base, protocol=(found["protocol"] or "tcp").lower(), port=number)
    elif found := _ICMP.fullmatch(port):
        word = "icmpv6" if address_of(base.source).version == IPV6 else "icmp"
        kind, code = int(found["type"] or _ECHO[word]), int(found["code"] or 0)
        if max(kind, code) <= _MOST_TYPES:
            return replace(base, protocol=word, icmp_type=kind, icmp_code=code)
    elif _OTHER.fullmatch(port) and port.lower() not in _NUMBERED | {"icmpv6"}:
        return replace(base, protocol=port.lower())
    raise UsageError(
        Code.CONNECTION,
        f"{port!r} is nothing to speak",
        where="--port",
        remedy="write 443/TCP, 53/UDP or 80/SCTP (1 to 65535), icmp or icmp/8, or another protocol's name, such as gre",
    )


def _host(place: Place) -> str:
    return place.address if "/" in place.name else place.name


def _destination(world: World, text: str, address: str | None) -> tuple[str, ...]:
    is_name = "/" not in text and not _is_address(text)
    if not is_name:
        if address is not None:
            raise UsageError(Code.COMMAND_LINE, "--address is for a domain name", where="--to", remedy="leave it out")
        return _addresses(world, text, "--to")
    if _NAME.fullmatch(text) is None:
        raise _absent(f"{text!r} is no pod, address or domain name", "--to")
    if address is None:
        return _looked_up(text)
    if not _is_address(address):
        raise UsageError(
            Code.NOT_THERE,
            f"{address!r} is no IP address",
            where="--address",
            remedy="write one, such as 203.0.113.7 or 2001:db8::7",
        )
    return (address,)


def _looked_up(name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(
            Code.NOT_THERE,
            f"{name} cannot be looked up here: {error.strerror or error}",
            where="--to",
            remedy="give its address with --address; a pod is namespace/pod",
        ) from None
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def _addresses(world: World, text: str, option: str) -> tuple[str, ...]:
    if _is_address(text):
        return (text,)
    namespace, _, name = text.partition("/")
    pod = next((one for one in world.pods if (one.namespace, one.name) == (namespace, name)), None)
    if pod is None:
        raise _absent(f"there is no pod {text}" + _beside(world, namespace), option)
    if not pod.addresses:
        raise _absent(f"the pod {text} has no address yet", option)
    return pod.addresses


def _beside(world: World, namespace: str) -> str:
    names = sorted(one.name for one in world.pods if one.namespace == namespace)
    return f"; {namespace} has {', '.join(names[:3])}" + (", …" if len(names) > 3 else "") if names else ""  # noqa: PLR2004 - as many as are shown


def _absent(what: str, option: str) -> UsageError:
    return UsageError(
        Code.NOT_THERE,
        what,
        where=option,
        remedy="write namespace/pod of what kubectl get pods,namespaces -A -o yaml prints, or an IP address",
    )


def _place(world: World, text: str, address: str, option: str) -> Place:
    """Call an address by the pod that has it, of whose namespace the labels must be known."""
    pod = world.pod_at(address)
    if pod is not None and pod.namespace not in world.namespaces:
        raise _absent(f"the namespace of the pod {pod.id} is not there, and policies ask for its labels", option)
    return Place(text if pod is None else pod.id, address)


def _named(world: World, text: str, address: str) -> World:
    is_name = "/" not in text and not _is_address(text)
    return replace(world, domain_names={address: (text,)}) if is_name else world


def _is_address(text: str) -> bool:
    try:
        address_of(text)
    except ValueError:
        return False
    return True
