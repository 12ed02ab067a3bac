"""What the agent keeps in its cluster: its identity, and what it verified, applied and reported.

Everything is in Secrets of its own namespace and is verified again when it is read. Imports kube and edict.trust.
"""
