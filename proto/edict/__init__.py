"""The contract both sides share: documents, trust, names, wire messages. Imports nothing of the others."""
