"""`python -m bench [NAME...]`: run the benchmarks, print their ratios."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module

from bench.result import Found

NAMES = ("publish", "translate", "verify")


def main() -> int:
    """Run the named benchmarks, all by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *NAMES], help=f"one of {', '.join(NAMES)}; default: all")
    for name in parser.parse_args().name or NAMES:
        print(f"{name} …", file=sys.stderr, flush=True)
        run: Callable[[], Found] = import_module(f"bench.{name}").run
        result = run()
        print(result.line(), flush=True)
        print(f"written to {result.write()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
