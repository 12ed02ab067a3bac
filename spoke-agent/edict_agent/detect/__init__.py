"""Reads the cluster: which dialect it speaks, and the facts that translation needs. Imports kube and translate."""

from edict_agent.detect.cluster import Detected, detect

__all__ = ["Detected", "detect"]
