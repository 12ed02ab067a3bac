"""The `edict` command: what authors and operators run. One module per verb in :mod:`edict_cli.verbs`.

::

    main ─ verbs ─┬─ signing, publishing, evidence, checking   decide (no terminal)
                  ├─ store                                      the author's folder, crash-safe
                  ├─ hub                                        the gRPC client, errors made readable
                  └─ output, session                            the terminal

Imports `edict` and, to preview, `edict_agent.translate`; nothing imports it.
"""
