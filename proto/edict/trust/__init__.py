"""Who may say what: TUF metadata, its verification (no I/O), signing, and receipts.

Imported by hub, agent and CLI alike; imports edict.policy, edict.ids and edict.errors.
"""
