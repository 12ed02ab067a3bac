"""Which kinds of other dialects still hold objects of ours: what an earlier plugin left must not stand beside ours."""

from __future__ import annotations

import httpx2

from edict import log
from edict_agent.kube import Kube, Resource
from edict_agent.reconcile.compare import SELECTOR
from edict_agent.reconcile.order import KINDS
from edict_agent.translate.dialect import Dialect

_log = log.get("edict_agent.leftovers")


async def leftovers(kube: Kube, dialect: Dialect) -> tuple[Resource, ...]:
    """Return the kinds; one that is not served here, or not ours to read, holds nothing that could be removed."""
    found = []
    for kind in dict.fromkeys(kind for kinds in KINDS.values() for kind in kinds if kind not in KINDS[dialect]):
        try:
            items, _ = await kube.list(kind, labels=SELECTOR)
        except httpx2.HTTPError as error:
            _log.debug("kind not read", kind=kind.kind, error=str(error) or repr(error))
            continue
        if items:
            found.append(kind)
    return tuple(found)
