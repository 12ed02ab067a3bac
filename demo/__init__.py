"""`make demo`: the whole of Edict on real parts, in a minute. Imports tests.e2e.federation; nothing imports it."""
