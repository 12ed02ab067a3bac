"""The few Kubernetes API calls that setting up a cluster takes; importing a client library would cost a second."""

from __future__ import annotations

import http.client
import json
import ssl
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.env._errors import EnvError

_MANAGER = "test-environment"

Manifest = dict[str, Any]
"""One Kubernetes object, as JSON has it."""


class Answer(msgspec.Struct, frozen=True):
    """A status code and a body."""

    status: int
    body: bytes

    def json(self) -> Manifest:
        """Return the body as an object; empty when there is none."""
        return json.loads(self.body) if self.body else {}


class KubeApi:
    """Calls one API server as the holder of the client certificate in `context`."""

    def __init__(self, server: str, context: ssl.SSLContext) -> None:
        """`server` is like ``https://127.0.0.1:6443``."""
        self._server = server
        self._netloc = urlsplit(server).netloc
        self._context = context

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Answer:
        """Make one request; raises OSError when the server cannot be reached."""
        connection = http.client.HTTPSConnection(self._netloc, context=self._context, timeout=30)
        try:
            headers = {"Accept": "application/json"} | ({"Content-Type": kind} if body else {})
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def ready(self, path: str = "/readyz") -> bool:
        """Return whether `path` answers 200 now."""
        try:
            return self.call("GET", path).status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str) -> Manifest | None:
        """Return the object at `path`, or None if there is none; raise EnvError (EDICT9006) on anything else."""
        answer = self.call("GET", path)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return self._accepted(answer, f"GET {path}").json()

    def create(self, path: str, body: bytes, kind: str = "application/json") -> Manifest:
        """POST `body`; an object that exists already is left alone; raise EnvError (EDICT9006) if refused."""
        answer = self.call("POST", path, body, kind)
        if answer.status == HTTPStatus.CONFLICT:
            return {}
        return self._accepted(answer, f"POST {path}").json()

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply `manifest`; raise EnvError (EDICT9006) if refused."""
        path = object_path(manifest)
        query = f"{path}?fieldManager={_MANAGER}&force=true"
        answer = self.call("PATCH", query, json.dumps(manifest).encode(), "application/apply-patch+yaml")
        return self._accepted(answer, f"apply {path}").json()

    def _accepted(self, answer: Answer, what: str) -> Answer:
        if answer.status >= HTTPStatus.BAD_REQUEST:
            try:
                text = str(answer.json()["message"])
            except (ValueError, KeyError, TypeError):
                text = answer.body.decode(errors="replace")
            raise EnvError(
                "EDICT9006",
                f"API server {self._server}",
                f"{what} answered {answer.status}: {text[:400]}",
                remedy="read the API server's log in the cluster's folder",
            )
        return answer


def object_path(manifest: Manifest) -> str:
    """Return the REST path of `manifest`, for the kinds used here (whose plural is regular)."""
    version, kind, meta = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    lower = str(kind).lower()
    plural = f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"
    return f"{root}{scope}/{plural}/{meta['name']}"
