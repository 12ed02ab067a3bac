"""The hub: keeps and relays signed desired state; can author none of it. Imports edict, never edict_agent."""
