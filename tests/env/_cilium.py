"""What makes a cluster a Cilium cluster, as far as policy goes: CRDs and the ``cilium-config`` ConfigMap."""

from __future__ import annotations

from collections.abc import Mapping

from tests.env._build import ensure_parts
from tests.env._crds import install_crds
from tests.env._kubeapi import KubeApi


def furnish(api: KubeApi, overrides: Mapping[str, str]) -> None:
    install_crds(api, sorted(ensure_parts(["cilium-crds"])["cilium-crds"].glob("*.yaml")), subject="Cilium's CRDs")
