"""Pure translation of placed policies to a dialect's objects. No I/O, no clock; the CLI imports it to preview."""
