"""The way to the hub: enrolment, certificates, the stream, and what becomes of a release that arrives.

Nothing that the hub says is believed: a release counts once `intake` has verified it. Imports store and edict.trust.
"""
