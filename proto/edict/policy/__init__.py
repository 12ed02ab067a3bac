"""Documents: model, strict parsing, validation, placement, checks across policies.

No I/O beyond the bytes it is given; imports edict.errors and edict.ids only.
"""
