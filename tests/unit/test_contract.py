"""The committed stubs are those that the contract generates: nobody edits them, nobody forgets to regenerate them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROTO = Path(__file__).parents[2] / "proto"
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def stubs(root: Path) -> dict[str, str]:
    """Return path below `root` → text of every generated module."""
    return {str(path.relative_to(root)): path.read_text() for glob in GENERATED for path in root.rglob(glob)}


def test_the_committed_stubs_are_those_that_the_contract_generates(tmp_path: Path) -> None:
    subprocess.run([sys.executable, PROTO / "generate.py", tmp_path], check=True, timeout=60)
    fresh, committed = stubs(tmp_path), stubs(PROTO)
    assert len(fresh) == len(GENERATED), "one module of each kind for the one contract file"
    assert committed.keys() == fresh.keys()
    stale = [path for path, text in fresh.items() if committed[path] != text]
    assert not stale, "run `make proto` and commit what it wrote"


def test_a_contract_that_does_not_compile_leaves_one_message_and_exit_code_2(tmp_path: Path) -> None:
    contract = tmp_path / "proto" / "edict" / "federation" / "v1" / "federation.proto"
    contract.parent.mkdir(parents=True)
    contract.write_text('syntax = "proto3";\nmessage Broken { nonsense }\n')
    script = tmp_path / "proto" / "generate.py"
    script.write_text((PROTO / "generate.py").read_text())
    done = subprocess.run([sys.executable, script, tmp_path], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "federation.proto:2:" in done.stderr
    assert "Traceback" not in done.stderr
