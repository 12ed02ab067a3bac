"""The `edict` command, one module per verb. Imports edict and edict_agent.translate only."""
