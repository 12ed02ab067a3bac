"""What the API server's failures mean to us."""

from __future__ import annotations

from http import HTTPStatus

import httpx2

from edict.errors import AgentError
from edict_agent.codes import Code

_TRANSIENT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})


class Gone(Exception):  # noqa: N818 - it is the name of the HTTP status, and no failure: it asks for a new list
    """The resource version of a watch is too old (410): the collection must be listed again."""


def _status(error: BaseException) -> int | None:
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else None


def is_not_found(error: BaseException) -> bool:
    """Tell whether the object, or the kind, does not exist."""
    return _status(error) == HTTPStatus.NOT_FOUND


def is_conflict(error: BaseException) -> bool:
    """Tell whether somebody else wrote first (409)."""
    return _status(error) == HTTPStatus.CONFLICT


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: no answer, too many requests, or a fault of the server."""
    status = _status(error)
    if status is None:
        return isinstance(error, httpx2.HTTPError)
    return status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def as_agent_error(error: httpx2.HTTPError, where: str) -> AgentError:
    """Return the coded form of a failed request; ``where`` names the object."""
    status = _status(error)
    message = str(error) or type(error).__name__
    if status is None:
        return AgentError(
            Code.CLUSTER_UNREACHABLE,
            f"the API server cannot be reached: {message}",
            where=where,
            remedy="check that the API server runs and that the kubeconfig leads to it",
        )
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
        return AgentError(
            Code.FORBIDDEN,
            f"the API server does not allow it: {message}",
            where=where,
            remedy="give the agent's ServiceAccount the rights of the chart's ClusterRole and Role",
        )
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return AgentError(Code.INVALID_OBJECT, f"the API server refuses the object: {message}", where=where)
    if status == HTTPStatus.NOT_FOUND:
        return AgentError(
            Code.NO_API,
            f"the API server does not know it: {message}",
            where=where,
            remedy="check that the namespace exists and that the kind is served",
        )
    return AgentError(Code.APPLY_FAILED, f"the API server failed with {status}: {message}", where=where)
