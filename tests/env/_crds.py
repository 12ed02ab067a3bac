"""Installs CustomResourceDefinitions and waits until the API server serves them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.env._kubeapi import KubeApi, Manifest
from tests.env._wait import await_true

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NAME = re.compile(rb"^  name: (\S+)$", re.MULTILINE)


def _documents(files: Iterable[Path]) -> dict[str, bytes]:
    """Split files into CRDs, name → YAML, unparsed: the API server reads YAML, and far faster than we could."""
    texts = [text for file in files for text in re.split(rb"^---\n", file.read_bytes(), flags=re.MULTILINE)]
    return {found[1].decode(): text for text in texts if (found := _NAME.search(text))}


def _established(crd: Manifest) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def install_crds(api: KubeApi, files: Iterable[Path], *, subject: str) -> None:
    """Create every CRD in `files` (one that exists is left alone) and return when all are Established."""
    documents = _documents(files)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda text: api.create(_PATH, text, "application/yaml"), documents.values()))

    def all_established() -> bool:
        crds = (api.get(_PATH) or {}).get("items", [])
        return documents.keys() <= {crd["metadata"]["name"] for crd in crds if _established(crd)}

    await_true(all_established, subject=subject, what=f"{len(documents)} CRDs Established", timeout=30)
