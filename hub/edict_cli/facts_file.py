"""`--facts FILE`: what is known about a cluster, read as strictly as a document."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from edict.errors import DocumentError
from edict.policy.codes import Code
from edict.policy.origin import item
from edict.policy.parse import Node, Plain, load_struct
from edict_agent.translate.facts import Facts
from edict_cli.store import files

_NETWORKS = ("podCIDRs", "nodeCIDRs")


def read_facts(path: Path) -> Facts:
    """Return the facts of a YAML or JSON file.

    Raises:
        UsageError: EDICT0603; the file cannot be read.
        DocumentError: EDICT0101 to EDICT0110, EDICT0125; with the place and what to write instead.
    """
    return load_struct(files.read(path), str(path), Facts, _prepared)


def _prepared(node: Node) -> Node:
    """Refuse what is no network where its line is known, and take options by the text that a ConfigMap has."""
    if not isinstance(node.value, dict):
        return node
    value = dict(node.value)
    for name in _NETWORKS:
        cidrs = value.get(name)
        for index, cidr in enumerate(cidrs if isinstance(cidrs, list) else ()):
            if isinstance(cidr, str) and not _is_network(cidr):
                raise DocumentError(
                    Code.NETWORK,
                    f"{cidr!r} is no network",
                    where=node.origin.where("", item(name, index)),
                    remedy="write it as a CIDR, such as 10.244.0.0/16 or fd00::/48",
                )
    version = value.get("cniVersion")
    if isinstance(version, str) and version and Facts(plugin_version=version).version is None:
        raise DocumentError(
            Code.WRONG_VALUE,
            f"{version!r} is no version",
            where=node.origin.where("", "cniVersion"),
            remedy="write it like 1.20.2, or remove the field where it is not known",
        )
    options = value.get("options")
    if isinstance(options, dict):
        value["options"] = {key: _text(option) for key, option in options.items()}
    return Node(value, node.origin)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _text(option: Plain) -> Plain:
    if isinstance(option, bool):
        return "true" if option else "false"
    return str(option) if isinstance(option, int) else option
