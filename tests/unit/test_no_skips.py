"""A run that may not skip fails when something was skipped, says what and why, and ends as every run does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PASSES = "def test_passes(): pass\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip('no such part')\n"
SKIPS_IN_A_FIXTURE = "import pytest\n@pytest.fixture\ndef part(): pytest.skip('no such part')\ndef test_x(part): pass\n"
SKIPS_FOR_THE_MACHINE = SKIPS.replace("no such part", "Error [EDICT9007] (part x) no apt-get. Try: install it")
SKIPS_A_MODULE = "import pytest\npytest.skip('no such part', allow_module_level=True)\n"
FAILS_AS_EXPECTED = "import pytest\n@pytest.mark.xfail\ndef test_fails(): assert False\n"


def run(folder: Path, *arguments: str, no_skips: str = "1") -> subprocess.CompletedProcess[str]:
    """Run pytest on `folder` with the project's conftest as a plugin."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env = inherited | {"EDICT_NO_SKIPS": no_skips, "PYTHONPATH": str(ROOT)}
    options = ["-c", os.devnull, f"--rootdir={folder}", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *arguments, str(folder)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("body", "arguments"),
    [(SKIPS, ()), (SKIPS_IN_A_FIXTURE, ()), (SKIPS_A_MODULE, ()), (SKIPS, ("-n", "1"))],
    ids=["test", "fixture", "module", "under xdist"],
)
def test_a_skip_fails_the_run_and_is_named_with_its_reason(
    tmp_path: Path, body: str, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "test_body.py").write_text(body + ("" if body is SKIPS_A_MODULE else PASSES))
    (tmp_path / "test_other.py").write_text(PASSES)
    done = run(tmp_path, *arguments)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "the run fails" in done.stdout
    assert any(line.startswith("test_body.py") and line.endswith(": no such part") for line in done.stdout.splitlines())
    assert "1 skipped in" in done.stdout.splitlines()[-1], "pytest's own closing line stays the last"


@pytest.mark.parametrize("body", [PASSES, FAILS_AS_EXPECTED])
def test_a_run_without_skips_passes(tmp_path: Path, body: str) -> None:
    (tmp_path / "test_body.py").write_text(body)
    assert run(tmp_path).returncode == pytest.ExitCode.OK


def test_what_the_machine_cannot_have_is_named_and_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_body.py").write_text(SKIPS_FOR_THE_MACHINE)
    done = run(tmp_path)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "this machine cannot run it" in done.stdout
    assert "no apt-get" in done.stdout
    (tmp_path / "test_other.py").write_text(SKIPS)
    assert run(tmp_path).returncode == pytest.ExitCode.TESTS_FAILED, "it excuses nothing else"


def test_skips_are_allowed_when_nobody_forbids_them(tmp_path: Path) -> None:
    (tmp_path / "test_body.py").write_text(SKIPS)
    assert run(tmp_path, no_skips="").returncode == pytest.ExitCode.OK
