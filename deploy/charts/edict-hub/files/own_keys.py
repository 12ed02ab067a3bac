# noqa: INP001 - it is run by itself
"""Copy the hub's files to where only their owner may read them: FROM TO [SECONDS].

The files of a Secret belong to root and its group, and the hub refuses a private key that others than its owner may
read. With SECONDS it goes on for ever, so that a Secret that is changed reaches a running hub.
"""

import os
import pathlib
import sys
import time

source, target = map(pathlib.Path, sys.argv[1:3])
again = [float(seconds) for seconds in sys.argv[3:]]
while True:
    for path in sorted(source.iterdir()):
        copy = target / path.name
        if path.is_file() and not (copy.exists() and copy.read_bytes() == path.read_bytes()):
            new = target / f".{path.name}.new"
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(path.read_bytes())
            new.replace(copy)
    if not again:
        break
    time.sleep(again[0])
