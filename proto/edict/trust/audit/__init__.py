"""Evidence that is checked offline: the format of an export, and the judgement of one. Pure: streams are passed in.

An export is read line by line (:mod:`~edict.trust.audit.lines`) into one :class:`~edict.trust.audit.verifier.Audit`,
which holds the signed history (:mod:`~edict.trust.audit.history`) and one cluster's chain at a time
(:mod:`~edict.trust.audit.chain`). Imported by the hub (for its archive) and by the CLI.
"""
