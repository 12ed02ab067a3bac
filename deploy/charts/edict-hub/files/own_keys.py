# noqa: INP001 - it is run by itself
"""Copy the hub's files to where only their owner may read them: FROM TO.

The files of a Secret belong to root and its group, and the hub refuses a private key that others than its owner may
read.
"""

import os
import pathlib
import sys

source, target = map(pathlib.Path, sys.argv[1:])
for path in sorted(source.iterdir()):
    if path.is_file():
        copy = target / path.name
        copy.unlink(missing_ok=True)
        with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(path.read_bytes())
