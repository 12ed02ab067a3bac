"""The contract both sides share: documents, trust, names, wire messages. Imports nothing of hub, agent or CLI."""
