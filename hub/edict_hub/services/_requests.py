"""What operators ask for, checked before anything is read: each thing once, well named, not too many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, is_dns_label
from edict_hub.codes import Code

MAX_ASKED = 4096
"""Documents or clusters in one request."""
MAX_REASON = 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")


def digests(asked: Iterable[str]) -> list[str]:
    """Return the digests, each once. Raises HubError EDICT0411."""
    return _checked(asked, lambda digest: _DIGEST.fullmatch(digest) is not None, "blobs")


def clusters(asked: Iterable[str]) -> list[ClusterName]:
    """Return the clusters, each once. Raises HubError EDICT0411."""
    return [ClusterName(name) for name in _checked(asked, is_dns_label, "clusters")]


def cluster(asked: str) -> ClusterName:
    """Return the cluster. Raises HubError EDICT0411."""
    return clusters([asked])[0]


def ban(asked: pb.BanRequest) -> tuple[ClusterName, str]:
    """Return the cluster and the reason, without blanks around it. Raises HubError EDICT0411."""
    reason = asked.reason.strip()
    if not reason or len(reason.encode()) > MAX_REASON:
        raise HubError(
            Code.MALFORMED,
            f"a ban needs a reason of at most {MAX_REASON} bytes",
            where="reason",
            remedy="say in a sentence why",
        )
    return cluster(asked.cluster), reason


def _checked(asked: Iterable[str], is_good: Callable[[str], bool], where: str) -> list[str]:
    names = list(dict.fromkeys(asked))
    if len(names) > MAX_ASKED or not all(map(is_good, names)):
        raise HubError(
            Code.MALFORMED,
            f"at most {MAX_ASKED} well-formed names are answered at once",
            where=where,
            remedy="ask for fewer at a time, with this version's `edict`",
        )
    return names
