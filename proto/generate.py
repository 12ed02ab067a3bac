"""Generates the stubs of the wire contract (`make proto`). ``python proto/generate.py [FOLDER]``, default beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent
SOURCES = ("edict/federation/v1/federation.proto",)
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


def generate(folder: Path) -> None:
    """Write ``_pb2`` and ``_pb2_grpc`` modules with their ``.pyi`` below `folder`, which exists.

    Raises CalledProcessError, with protoc's message in `stderr`, when the contract does not compile.
    """
    scripts = Path(sys.executable).parent  # not resolved: the virtualenv's, which need not be on PATH
    outputs = ("python", "grpc_python", "mypy", "mypy_grpc")
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT}"),
        *(f"--plugin={plugin}={scripts / plugin}" for plugin in PLUGINS),
        *(f"--{output}_out={folder}" for output in outputs),
        *SOURCES,
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - arguments of ours


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        generate(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(error.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
