"""The targets of translation."""

from __future__ import annotations

import enum


class Dialect(enum.StrEnum):
    """A kind of objects that a network plugin understands."""

    CILIUM = "cilium"
    CALICO = "calico"
