"""What `ensure_parts` promises about builds: whole or absent, once, and one message when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.env.__main__ import main
from tests.env._build import build_part, ensure_parts, folder_of, locate
from tests.env._errors import EnvError
from tests.env._parts import PARTS, GoBinary, Part, SystemFiles
from tests.env._recipes import Workshop, inherited_replaces

pytest_plugins = ["tests.env.fixtures"]

STUB = Part("stub", "1.0.0", GoBinary("stub", ()))
ROOT = Path(__file__).parents[2]
BUILD_HALF = """
import sys
from tests.env._build import build_part
from tests.env.test_build import STUB

def half(shop):
    (shop.result / "stub").write_text("half")
    print("half", flush=True)
    sys.stdin.read()

build_part(STUB, work=half)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDICT_CACHE", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


def whole(shop: Workshop) -> None:
    (shop.result / "stub").write_text("whole")


def refuse(_shop: Workshop) -> None:
    raise AssertionError("built again")


def test_an_interrupted_build_is_not_used_and_the_next_one_succeeds(cache: Path) -> None:
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD_HALF], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert builder.stdout is not None
    assert builder.stdout.readline() == "half\n"
    os.kill(builder.pid, signal.SIGKILL)
    builder.communicate()
    assert list(cache.glob("parts/.building-*/result/stub")), "the kill came after the build had begun"
    assert locate(STUB) is None
    assert build_part(STUB, work=whole).read_text() == "whole"
    assert not list(cache.glob("parts/.building-*")), "what the killed build left behind is cleared away"


def test_a_part_is_built_once(cache: Path) -> None:
    build_part(STUB, work=whole)
    assert build_part(STUB, work=refuse) == cache / "parts" / "stub-1.0.0" / "stub"


@pytest.mark.usefixtures("cache")
def test_a_part_is_built_again_when_its_recipe_changes() -> None:
    build_part(STUB, work=whole)
    changed = Part("stub", "1.0.0", GoBinary("stub", (), ldflags="-s"))
    assert folder_of(changed) == folder_of(STUB)
    assert locate(changed) is None


def test_a_failed_build_is_one_message_with_code_log_and_remedy(cache: Path) -> None:
    broken = Part(
        "broken", "1.0.0", GoBinary("broken", (), sources=(("main.go", "package main\nfunc main() { nonsense }\n"),))
    )
    with pytest.raises(EnvError) as caught:
        build_part(broken)
    if caught.value.code == "EDICT9002":
        pytest.skip(str(caught.value))
    message = str(caught.value)
    assert message.startswith("Error [EDICT9001] (part broken 1.0.0) go build failed: ")
    assert "undefined: nonsense" in message
    assert str(cache / "logs" / "broken-1.0.0.log") in message
    assert "Try: " in message
    assert locate(broken) is None


def test_an_unknown_part_is_refused_with_the_names_of_those_that_exist() -> None:
    with pytest.raises(EnvError, match=r"EDICT9003.*part nonsense.*etcd, .*kube-apiserver"):
        ensure_parts(["nonsense"])


@pytest.mark.usefixtures("cache")
def test_ready_made_binaries_of_kubebuilder_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert build_part(PARTS["etcd"], work=refuse) == tmp_path / "etcd"
    assert locate(PARTS["kube-apiserver"]) is None


def test_an_installed_part_of_the_operating_system_is_used(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "libsofthsm2.so"
    module.touch()
    monkeypatch.setenv("SOFTHSM2_MODULE", str(module))
    assert build_part(PARTS["softhsm2"], work=refuse) == module
    assert not (cache / "parts").exists()


def test_a_machine_that_cannot_have_a_part_is_told_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOFTHSM2_MODULE", str(cache / "nowhere.so"))
    monkeypatch.setenv("PATH", str(cache))
    with pytest.raises(EnvError, match=r"EDICT9007.*softhsm2.*no apt-get or dpkg-deb.*SOFTHSM2_MODULE"):
        build_part(PARTS["softhsm2"])
    monkeypatch.setattr(sys, "argv", ["tests.env", "build"])
    monkeypatch.setattr("tests.env.__main__.PARTS", {"softhsm2": PARTS["softhsm2"]})
    assert main() == 0, "everything else can be built"
    assert "EDICT9007" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["tests.env", "build", "softhsm2"])
    assert main() == 2, "what was asked for by name was not had"


def test_a_second_build_of_everything_is_instant(request: pytest.FixtureRequest) -> None:
    names = [name for name, part in PARTS.items() if not isinstance(part.recipe, SystemFiles)]
    request.getfixturevalue("parts")(*names)
    started = time.monotonic()
    found = ensure_parts(names)
    assert time.monotonic() - started < 0.3
    assert all(path.exists() for path in found.values())


def test_staging_replaces_become_released_versions() -> None:
    go_mod = "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\ta/b => c/d v1.2.3\n\te/f => ./elsewhere\n)\n"
    assert inherited_replaces(go_mod, "v0.36.3") == ["k8s.io/api => k8s.io/api v0.36.3", "a/b => c/d v1.2.3"]
    assert inherited_replaces(go_mod, None) == ["a/b => c/d v1.2.3"]
