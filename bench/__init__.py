"""Benchmarks: each runs Edict and a real peer in one run and prints a ratio. `make bench`, `make bench ONLY=name`."""
