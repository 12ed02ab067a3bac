"""Takes files out of Debian's (or Ubuntu's) packages without installing them, and without being root.

apt checks the packages' signatures with the machine's own keyrings; its lists and cache are ours and thrown away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.env._errors import NOT_FOR_THIS_MACHINE, EnvError, last_lines

_TOOLS = ("apt-get", "dpkg-deb")


def unpack(packages: tuple[str, ...], *, room: Path, log: Path, label: str, remedy: str) -> Path:
    """Download packages and return the folder that holds what is in them.

    Args:
        packages: as apt names them, such as ``libsofthsm2=2.6.1*``.
        room: an empty folder to work in.
        log: where the commands' output goes.
        label: how the part is called in messages.
        remedy: what somebody does whose machine cannot do this.

    Raises:
        EnvError: EDICT9007.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise EnvError(
            NOT_FOR_THIS_MACHINE, f"part {label}", f"this machine has no {' or '.join(missing)}", remedy=remedy
        )
    state, cache, content = room / "state", room / "cache", room / "content"
    for folder in (state / "lists" / "partial", cache / "archives" / "partial", content):
        folder.mkdir(parents=True)
    options = (f"Dir::State={state}", f"Dir::Cache={cache}", "Dir::State::status=/var/lib/dpkg/status")
    apt = ["apt-get", *(part for option in (*options, "APT::Sandbox::User=root") for part in ("-o", option))]
    commands = [[*apt, "update"], [*apt, "download", *packages]]
    for command in commands:
        _run(command, room, log, label, remedy)
    for package in sorted(room.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(content)], room, log, label, remedy)
    return content


def _run(command: list[str], cwd: Path, log: Path, label: str, remedy: str) -> None:
    with log.open("ab") as sink:
        done = subprocess.run(
            command, cwd=cwd, stdout=sink, stderr=sink, env=os.environ | {"LC_ALL": "C"}, timeout=300, check=False
        )
    if done.returncode != 0:
        what = f"{command[0]} failed: {last_lines(log, 2)}. Log: {log}"
        raise EnvError(NOT_FOR_THIS_MACHINE, f"part {label}", what, remedy=remedy)
