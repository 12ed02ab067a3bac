"""The Containerfiles: pinned, hash-checked, not root, and no dependency that the program has no use for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.charts import DEPLOY

ROOT = DEPLOY.parent
PROGRAMS = {"hub": "edict-hub", "agent": "edict-agent", "cli": "edict"}
FOREIGN = {
    "hub": {"lightkube", "httpx", "httpx2", "rich", "kubernetes", "pytest"},
    "agent": {"aetcd", "rich", "kubernetes", "pytest"},
    "cli": {"aetcd", "lightkube", "pytest"},
}
each = pytest.mark.parametrize("extra", PROGRAMS)


def lines(extra: str) -> list[str]:
    """Return the instructions, continued lines joined, comments dropped."""
    text = (DEPLOY / "containers" / f"{extra}.Containerfile").read_text()
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text))
    return [line for line in joined.splitlines() if line.strip()]


def arguments(extra: str, instruction: str) -> list[str]:
    return [line.partition(" ")[2] for line in lines(extra) if line.split()[0] == instruction]


@each
def test_it_runs_its_program_as_nobody(extra: str) -> None:
    assert lines(extra)[-2:] == ["USER 65532:65532", f'ENTRYPOINT ["/opt/edict/bin/{PROGRAMS[extra]}"]']


@each
def test_every_stage_starts_from_one_base_with_a_full_version(extra: str) -> None:
    (base,) = arguments(extra, "ARG")
    assert re.fullmatch(r"PYTHON=docker\.io/library/python:3\.11\.\d+-slim-\w+", base)
    assert {stage.split()[0] for stage in arguments(extra, "FROM")} == {"${PYTHON}"}


@each
def test_whatever_is_downloaded_is_checked_against_a_hash(extra: str) -> None:
    commands = [part.strip() for run in arguments(extra, "RUN") for part in run.split("&&")]
    fetching = [part for part in commands if re.search(r"\b(pip install|uv build|uv sync)\b", part)]
    assert fetching
    assert all("--require-hashes" in part or "--offline --no-deps" in part for part in fetching)
    assert not [part for part in commands if re.search(r"\b(curl|wget|apt-get|apk|git)\b", part)]


def test_the_three_differ_in_nothing_but_their_names() -> None:
    def common(extra: str) -> list[str]:
        rest = [line for line in lines(extra) if not line.startswith(("ENTRYPOINT", "LABEL", "WORKDIR"))]
        return [line.replace(f"--extra {extra} ", "--extra X ") for line in rest]

    assert common("hub") == common("agent") == common("cli")


@each
def test_what_is_copied_is_in_the_build_context(extra: str) -> None:
    (*context,) = (
        line.removeprefix("!").strip() for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    )
    copied = {source for copy in arguments(extra, "COPY") if "--from" not in copy for source in copy.split()[:-1]}
    assert copied == set(context)
    assert all((ROOT / source).exists() for source in copied)


@each
def test_the_locked_export_has_hashes_and_only_its_own_dependencies(extra: str) -> None:
    flags = ["--quiet", "--offline", "--locked", "--no-dev", "--extra", extra, "--no-emit-project"]
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run([uv, "export", *flags], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    requirements = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", done.stdout)).splitlines()
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    names = {re.split(r"[=\[; ]", requirement)[0] for requirement in requirements}
    assert {"grpcio", "tuf", "msgspec", "click"} <= names
    assert not names & FOREIGN[extra]


@pytest.mark.parametrize("tool", ["uv.txt", "build.txt"])
def test_the_tools_before_the_lock_file_are_pinned_with_hashes(tool: str) -> None:
    joined = (ROOT / ".ci" / tool).read_text().replace("\\\n", " ")
    pins = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert pins
    assert all(re.match(r"[-\w]+==\S+ .*--hash=sha256:", pin) for pin in pins)
