"""A thin client over lightkube: its requests, its authentication and TLS, and a watch that it does not offer.

lightkube's own watch asks for no bookmarks and hides resource versions; so watches and discovery go over its HTTP
client, which carries the same credentials (docs/adr/0002).
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import httpx2
import msgspec
from lightkube.config.client_adapter import AsyncClient as HttpClient
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.async_client import AsyncClient
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.types import PatchType

from edict.errors import AgentError
from edict_agent.codes import Code
from edict_agent.kube.errors import Gone, is_not_found
from edict_agent.kube.resources import Resource

Live: TypeAlias = dict[str, Any]
"""An object as the API server has it, plain JSON types."""

FIELD_MANAGER = "edict-agent"
PAGE = 500
TIMEOUT = 10.0


class Kube(Protocol):
    """What the agent asks of an API server."""

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Live | None:
        """Return an object, or None when it or its kind does not exist."""

    async def list(self, resource: Resource, namespace: str = "", labels: str = "") -> tuple[list[Live], str]:
        """Return all objects and the resource version of the list."""

    def watch(self, resource: Resource, *, version: str, seconds: int) -> AsyncIterator[tuple[str, Live]]:
        """Yield (ADDED, MODIFIED, DELETED or BOOKMARK, object) after a resource version; raise `Gone` at 410."""

    async def apply(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        """Server-side apply with our field manager, taking fields over; return the object as stored."""

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        """Create an object that must not exist."""

    async def replace(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        """Replace an object whose resource version must still be the one in the body."""

    async def drop_fields(self, resource: Resource, live: Live, paths: Sequence[tuple[str, ...]]) -> Live:
        """Remove fields of an object, if it is still at its resource version; return the object as stored."""

    async def delete(self, resource: Resource, live: Live) -> None:
        """Delete an object if it is still the one we know (else 409); one that does not exist is no error."""

    async def raw(self, path: str) -> Any | None:
        """Return the JSON of a GET, or None when there is nothing."""


class KubeClient:
    """The API server of one cluster. Made by `connect`; close it with `aclose`."""

    def __init__(self, config: SingleConfig) -> None:
        timeout = httpx2.Timeout(TIMEOUT)
        self._client = AsyncClient(config=config, timeout=timeout, field_manager=FIELD_MANAGER, trust_env=False)
        self._http = HttpClient(config, ConnectionParams(timeout=timeout, trust_env=False))

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Live | None:
        """Return an object, or None when it or its kind does not exist."""
        try:
            return dict(await self._client.get(_type(resource), name, namespace=namespace or None))
        except httpx2.HTTPStatusError as error:
            if is_not_found(error):
                return None
            raise

    async def list(self, resource: Resource, namespace: str = "", labels: str = "") -> tuple[list[Live], str]:
        """Return all objects, page by page, and the resource version of the list."""
        items: list[Live] = []
        params = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
        while True:
            page = await self._get(resource.path(namespace), params)
            items += page.get("items") or []
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return items, str(metadata.get("resourceVersion", ""))
            params["continue"] = metadata["continue"]

    async def watch(self, resource: Resource, *, version: str, seconds: int) -> AsyncIterator[tuple[str, Live]]:
        """Yield events after a resource version; raise `Gone` at 410."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        patience = httpx2.Timeout(TIMEOUT, read=seconds + TIMEOUT)
        async with self._http.stream("GET", resource.path(), params=params, timeout=patience) as response:
            if response.status_code == HTTPStatus.GONE:
                raise Gone
            await _check(response)
            async for line in response.aiter_lines():
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise _refused(event["object"], response)
                yield event["type"], event["object"]

    async def apply(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        """Server-side apply, taking fields over; return the object as stored."""
        metadata = body["metadata"]
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        result = await self._client.patch(
            _type(resource),
            metadata["name"],
            whole,
            namespace=metadata.get("namespace"),
            patch_type=PatchType.APPLY,
            force=True,
        )
        return dict(result)

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        """Create an object that must not exist."""
        return await self._send("POST", resource.path(_namespace(body)), body)

    async def replace(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        """Replace an object whose resource version must still be the one in the body."""
        return await self._send("PUT", resource.path(_namespace(body), body["metadata"]["name"]), body)

    async def drop_fields(self, resource: Resource, live: Live, paths: Sequence[tuple[str, ...]]) -> Live:
        """Remove fields of an object, if it is still at its resource version."""
        metadata = live["metadata"]
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}
        ]
        operations += [{"op": "remove", "path": _pointer(path)} for path in paths]
        result = await self._client.patch(
            _type(resource),
            metadata["name"],
            operations,
            namespace=metadata.get("namespace"),
            patch_type=PatchType.JSON,
        )
        return dict(result)

    async def delete(self, resource: Resource, live: Live) -> None:
        """Delete an object if it is still the one we know (else 409); one that does not exist is no error."""
        metadata = live["metadata"]
        preconditions = {key: metadata[key] for key in ("uid", "resourceVersion")}
        try:
            path = resource.path(_namespace(live), metadata["name"])
            await self._send("DELETE", path, {"preconditions": preconditions})
        except httpx2.HTTPStatusError as error:
            if not is_not_found(error):
                raise

    async def raw(self, path: str) -> Any | None:
        """Return the JSON of a GET, or None when there is nothing."""
        try:
            return await self._get(path, {})
        except httpx2.HTTPStatusError as error:
            if is_not_found(error):
                return None
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()
        await self._http.aclose()

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:
        response = await self._http.get(path, params=dict(params))
        await _check(response)
        return msgspec.json.decode(response.content)

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> Live:
        response = await self._http.request(
            method,
            path,
            params={"fieldManager": FIELD_MANAGER},
            content=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )
        await _check(response)
        result: Live = msgspec.json.decode(response.content)
        return result


def connect(kubeconfig: Path | None) -> KubeClient:
    """Make a client from a kubeconfig file, or from the Pod's ServiceAccount.

    Raises:
        AgentError: EDICT0550 when neither can be read.
    """
    try:
        config = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_service_account()
        return KubeClient(cast("SingleConfig", config.get()))
    except (ConfigError, KeyError, OSError, ValueError, TypeError) as error:
        raise AgentError(
            Code.CLUSTER_UNREACHABLE,
            f"the way to the cluster cannot be read: {error}",
            where=str(kubeconfig or "in-cluster"),
            remedy="give --kubeconfig FILE, or run in a Pod with a ServiceAccount",
        ) from None


@functools.cache
def _type(resource: Resource) -> Any:
    make = create_namespaced_resource if resource.namespaced else create_global_resource
    return make(resource.group, resource.version, resource.kind, resource.plural)


def _namespace(body: Mapping[str, Any]) -> str:
    return str(body["metadata"].get("namespace", ""))


async def _check(response: httpx2.Response) -> None:
    """Raise with the API server's own words, which httpx leaves in the body."""
    if response.is_success:
        return
    await response.aread()
    if "json" in response.headers.get("Content-Type", ""):
        raise ApiError(request=response.request, response=response)
    response.raise_for_status()


def _pointer(path: Sequence[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _refused(status: Mapping[str, Any], response: httpx2.Response) -> Exception:
    if status.get("code") == HTTPStatus.GONE:
        return Gone()
    return httpx2.RemoteProtocolError(str(status.get("message", "the watch failed")), request=response.request)
