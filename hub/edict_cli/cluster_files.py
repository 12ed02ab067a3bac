"""A cluster to ask about: from files that kubectl wrote, or read from its API server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from edict.errors import UsageError
from edict.policy.manifests import Manifest
from edict.policy.origin import Origin
from edict_cli.codes import Code
from edict_cli.policy_files import STDIN, expanded
from edict_cli.store import files

PAGE = 500
_TIMEOUT = 30
_DEEPEST = 100
"""Nested mappings and lists of a manifest; libyaml's composer recurses without a bound, and would end the process."""


def from_files(paths: Sequence[Path]) -> Iterator[Manifest]:
    """Yield every manifest of the files; a folder is every YAML and JSON file in it.

    Raises:
        UsageError: EDICT0603; a file cannot be read, or is not YAML or JSON.
    """
    for path in expanded(paths):
        source = STDIN if path == Path("-") else str(path)
        data = sys.stdin.buffer.read() if source == STDIN else files.read(path)
        try:
            _bounded(data)
            found = list(yaml.load_all(data, Loader=yaml.CSafeLoader))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
            said = " ".join(str(error).replace('"<byte string>", ', "").split())
            raise UsageError(
                Code.FILE, f"not YAML: {said}", where=source, remedy="give what kubectl get -o yaml prints"
            ) from None
        for value in found:
            if isinstance(value, dict):
                yield value, Origin(source)
            elif value is not None:
                raise UsageError(
                    Code.FILE, "a manifest is a mapping", where=source, remedy="give what kubectl get -o yaml prints"
                )


def _bounded(data: bytes) -> None:
    """Raise ValueError where a document is nested too deep to be read."""
    depth = 0
    for event in yaml.parse(data, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError(f"nested more than {_DEEPEST} levels deep")


def from_server(context: str | None, kubeconfig: Path | None) -> list[Manifest]:
    """Read namespaces, pods, nodes and NetworkPolicies, by pages, and write nothing.

    Args:
        context: of the kubeconfig; None is its current one.
        kubeconfig: None is KUBECONFIG, or the file in the home folder.

    Raises:
        UsageError: EDICT0624.
    """
    # The client is imported when a cluster is asked: it takes longer than all the rest.
    from kubernetes import client, config  # noqa: PLC0415 - said above
    from kubernetes.config import ConfigException  # noqa: PLC0415 - said above
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - said above

    where = context or (str(kubeconfig) if kubeconfig else "kubeconfig")
    try:
        api = config.new_client_from_config(  # type: ignore[no-untyped-call] # it has no types
            str(kubeconfig) if kubeconfig else None, context=context, persist_config=False
        )
        core, networking = client.CoreV1Api(api), client.NetworkingV1Api(api)
        lists = (
            core.list_namespace,
            core.list_pod_for_all_namespaces,
            core.list_node,
            networking.list_network_policy_for_all_namespaces,
        )
        return [(page, Origin(where)) for one in lists for page in _pages(one)]
    except client.ApiException as error:
        what = f"the API server answered {error.status} {error.reason}"
        remedy = "ask for a role that may list namespaces, pods, nodes and networkpolicies, or give --world FILE"
    except (HTTPError, ConfigException, OSError, ValueError) as error:
        what = f"the cluster cannot be asked: {' '.join(str(error).split())}"
        remedy = "check --context and --kubeconfig with kubectl get nodes, or give --world FILE"
    raise UsageError(Code.NO_ANSWER, what, where=where, remedy=remedy)


def _pages(listing: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list as the server writes them."""
    more = ""
    while True:
        answer = listing(limit=PAGE, _continue=more, _request_timeout=_TIMEOUT, _preload_content=False)
        page = json.loads(answer.data)
        yield page
        more = page["metadata"].get("continue", "")
        if not more:
            return
