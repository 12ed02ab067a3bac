"""The page docs/reference/fidelity.md, made by the translators: ``python -m docs.reference.fidelity`` writes it anew.

``constructs.yaml`` says what a policy can say, ``clusters`` what is known of the clusters that are asked, ``answers``
asks :func:`edict_agent.translate.translate`, and ``page`` writes down what it said. A test holds the page to it.
"""
