"""Carries out a recipe: writes a go.mod of ours and runs Go, or copies files out of a Go module."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import assert_never

import msgspec

from tests.env import _debian
from tests.env._errors import EnvError, last_lines
from tests.env._parts import GoBinary, Inherit, Module, ModuleFiles, Part, SystemFiles
from tests.env._process import Process
from tests.env._progress import Progress
from tests.env._toolchain import find_go

_REPLACE = re.compile(r"^(?:replace\s+|\s+)(\S+)(?:\s+v\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?", re.MULTILINE)


class _Download(msgspec.Struct, rename="pascal"):
    """The fields of ``go mod download -json`` that are used here."""

    dir: str
    go_mod: str


class Workshop(msgspec.Struct, frozen=True):
    """Where one part is being built, what it writes its output to, and where to tell progress.

    `result` becomes the part's folder; `scratch` is thrown away; `cache` is where a Go that is missing is installed.
    """

    part: Part
    scratch: Path
    result: Path
    log: Path
    cache: Path
    progress: Progress

    def run(self, *argv: str, env: dict[str, str], cwd: Path) -> str:
        """Run ``go argv`` in `cwd`; return what it wrote; raise EnvError (EDICT9001) when it fails."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        process = Process.start([find_go(self.cache), *argv], log=self.log, env=_environment(env), cwd=cwd)
        try:
            while True:
                try:
                    code = process.wait(0.5)
                    break
                except subprocess.TimeoutExpired:
                    self._tell(argv[0], begin)
        finally:
            process.kill()
        if code != 0:
            raise EnvError(
                "EDICT9001",
                f"part {self.part.label}",
                f"go {argv[0]} failed: {last_lines(self.log)}. Log: {self.log}",
                remedy="look at the log; check that proxy.golang.org can be reached and the disk is not full, "
                "then run the same command again (finished work is kept)",
            )
        return self.log.read_bytes()[begin:].decode(errors="replace")

    def _tell(self, verb: str, begin: int) -> None:
        """Turn what Go has written so far into a phase."""
        lines = self.log.read_bytes()[begin:].decode(errors="replace").splitlines()
        fetched = sum(line.startswith("go: downloading") for line in lines)
        built = sum(not line.startswith("go: ") for line in lines)
        if verb == "build" and built:
            self.progress.phase(f"compiling, {built} packages so far")
        else:
            self.progress.phase(f"downloading, {fetched} modules so far")


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """Return the environment for Go: no workspace, no prompts, no C compiler, the paths of this machine kept out."""
    ours = {
        "GOFLAGS": "-mod=mod -trimpath -buildvcs=false",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GIT_TERMINAL_PROMPT": "0",
        "CGO_ENABLED": "0",
    }
    return dict(os.environ) | ours | extra


def download(shop: Workshop, module: Module, env: dict[str, str]) -> tuple[Path, Path]:
    """Fetch `module`; return its folder and its go.mod."""
    shop.progress.phase(f"downloading {module.path}")
    answer = shop.run("mod", "download", "-json", f"{module.path}@{module.version}", env=env, cwd=shop.scratch)
    found = msgspec.json.decode(answer[answer.index("{") :], type=_Download)
    return Path(found.dir), Path(found.go_mod)


def inherited_replaces(go_mod: str, staging: str | None) -> list[str]:
    """Return the replaces in the text of a go.mod as lines for ours; see `Inherit` for local paths."""
    lines = []
    for old, new, version in _REPLACE.findall(go_mod):
        if version:
            lines.append(f"{old} => {new} {version}")
        elif staging and new.startswith("./staging/src/"):
            lines.append(f"{old} => {old} {staging}")
    return lines


def _go_mod(requires: tuple[Module, ...], replaces: list[str]) -> str:
    lines = ["module edict.dev/testenv", "", "go 1.26.0", ""]
    lines += [f"require {module.path} {module.version}" for module in requires]
    return "\n".join([*lines, "", *(f"replace {replace}" for replace in replaces), ""])


def _build_binary(shop: Workshop, recipe: GoBinary) -> None:
    replaces = list(recipe.replaces)
    if isinstance(recipe.inherit, Inherit):
        _, go_mod = download(shop, recipe.inherit.module, recipe.env)
        replaces += inherited_replaces(go_mod.read_text(), recipe.inherit.staging)
    (shop.scratch / "go.mod").write_text(_go_mod(recipe.requires, replaces))
    for name, text in recipe.sources:
        (shop.scratch / name).write_text(text)
    flags = ("-v", "-ldflags", recipe.ldflags or "-s -w", "-o", str(shop.result / recipe.binary))
    shop.run("build", *flags, recipe.package or ".", env=recipe.env, cwd=shop.scratch)


def _copy_files(shop: Workshop, recipe: ModuleFiles) -> None:
    (shop.scratch / "go.mod").write_text(_go_mod((), []))
    folder, _ = download(shop, recipe.module, recipe.env)
    shop.progress.phase("copying")
    for pattern, target in recipe.globs:
        found = sorted(folder.glob(pattern))
        if not found:
            raise EnvError(
                "EDICT9001",
                f"part {shop.part.label}",
                f"{recipe.module.path} {recipe.module.version} has no {pattern}",
                remedy="correct the glob in tests/env/_parts.py",
            )
        (shop.result / target).mkdir(parents=True, exist_ok=True)
        for path in found:
            shutil.copyfile(path, shop.result / target / path.name)


def _take_files(shop: Workshop, recipe: SystemFiles) -> None:
    shop.progress.phase("downloading the system's packages")
    found = _debian.unpack(
        recipe.packages, room=shop.scratch, log=shop.log, label=shop.part.label, remedy=recipe.remedy
    )
    for pattern, target in recipe.globs:
        for path in found.glob(pattern):
            shutil.copy(path, shop.result / target)


def carry_out(shop: Workshop) -> None:
    """Build the part of `shop` into its result folder; raise EnvError when that fails."""
    match shop.part.recipe:
        case GoBinary() as recipe:
            _build_binary(shop, recipe)
        case ModuleFiles() as recipe:
            _copy_files(shop, recipe)
        case SystemFiles() as recipe:
            _take_files(shop, recipe)
        case _ as never:
            assert_never(never)
