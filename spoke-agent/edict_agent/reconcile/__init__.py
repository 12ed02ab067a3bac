"""Keeps the cluster's objects as the verified plan says: reflector, comparison, server-side apply, drift, pruning.

Imports kube and translate's result types; imported by the agent's composition alone.
"""
