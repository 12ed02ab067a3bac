"""Writes kubeconfig files that hold everything inside, so that one can be copied anywhere on the machine."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import yaml

from tests.env._certificates import Pair


class ClientCertificate(msgspec.Struct, frozen=True):
    """A user who shows a client certificate."""

    pair: Pair


class Token(msgspec.Struct, frozen=True):
    """A user who shows a bearer token, for example a ServiceAccount's."""

    value: str


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write_kubeconfig(path: Path, *, cluster: str, server: str, ca_file: Path, user: ClientCertificate | Token) -> Path:
    """Write a kubeconfig with one context, named `cluster`, readable only by its owner; return `path`."""
    match user:
        case ClientCertificate(pair):
            login = {"client-certificate-data": _inline(pair.cert), "client-key-data": _inline(pair.key)}
        case Token(value):
            login = {"token": value}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": _inline(ca_file)}}],
        "users": [{"name": "user", "user": login}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "user", "namespace": "default"}}],
        "current-context": cluster,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
