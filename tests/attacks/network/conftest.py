"""Somebody on the network between agents, operators and a real hub. They have no key that anybody believes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import hub_id
from tests.integration.hub.conftest import etcd, running, shared_etcd
from tests.integration.hub.hubs import DOMAIN, Hub, Running, cluster

__all__ = ["etcd", "running", "shared_etcd"]
AGE = timedelta(days=60)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub whose CA is some weeks old: long enough for agents' certificates to have ended in its time."""
    made = Hub(tmp_path / "hub")
    made.ca = CertificateAuthority.create(DOMAIN, made.now - AGE)
    key = new_private_key()
    server = made.ca.issue_hub(make_csr(key, hub_id(DOMAIN)), ["localhost", "127.0.0.1"], made.now)
    for name, data in (("ca.crt", made.ca.certificate_pem), ("ca.key", made.ca.key_pem)):
        made.write(name, data)
    made.write("server.crt", server)
    made.write("server.key", key)
    return made


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    """A hub whose inventory has the clusters c1 and c2."""
    await running.admin().Publish(hub.request(cluster("c1"), cluster("c2")))
    return running
