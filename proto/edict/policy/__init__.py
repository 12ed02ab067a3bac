"""Documents: model, strict parsing, validation, placement. No I/O beyond the bytes it is given; imports edict.errors
and edict.ids only."""
