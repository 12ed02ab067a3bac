"""What the agent says of its cluster: acceptance read back, reports per policy and rule, the signed receipt chain.

Imports reconcile's words, translate's result types and edict.trust.receipts.
"""
