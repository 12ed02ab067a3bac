"""The agent of one cluster: pulls, verifies, translates, applies, keeps, reports. Imports edict, never edict_hub."""
