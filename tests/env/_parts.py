"""The table of parts: what the test environment builds, from where, in which version. Add a part by adding a row."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

CALICO = "v0.0.0-20251021213802-b1f3c43f8437"
"""The Go pseudo-version that is Calico 3.31.0."""
CALICO_MODULE = "github.com/projectcalico/calico"
CALICO_ENV = {"GONOSUMDB": "github.com/projectcalico/*"}
"""Calico's pseudo-versions are not in Go's checksum database."""
_ENGINES = Path(__file__).parents[1] / "engines"
_KUBERNETES = "v1.36.3"
_GITVERSION = "-X k8s.io/component-base/version"


class Module(msgspec.Struct, frozen=True):
    """A Go module at a version, e.g. ``k8s.io/kubernetes`` ``v1.36.3``."""

    path: str
    version: str


class Inherit(msgspec.Struct, frozen=True):
    """Take over the replaces of another module's go.mod, which Go itself ignores in a dependency.

    Replaces by a version are kept; those by ``./staging/src/X`` become ``X`` at version `staging` (dropped if None).
    """

    module: Module
    staging: str | None = None


class GoBinary(msgspec.Struct, frozen=True, tag=True):
    """How to build one command.

    `package` is a main package of a required module; `sources` are (file name, text) of a main package of our own,
    built instead when `package` is empty. `replaces` are lines such as ``a => b v1.2.3``.
    """

    binary: str
    requires: tuple[Module, ...]
    package: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    replaces: tuple[str, ...] = ()
    inherit: Inherit | None = None
    ldflags: str = ""
    env: dict[str, str] = {}


class ModuleFiles(msgspec.Struct, frozen=True, tag=True):
    """Files to copy out of a Go module: (glob inside the module, folder inside the part)."""

    module: Module
    globs: tuple[tuple[str, str], ...]
    env: dict[str, str] = {}


class SystemFiles(msgspec.Struct, frozen=True, tag=True):
    """Files of the operating system's packages: (glob inside the packages, file inside the part).

    `main` is the file that stands for the part; `ready` are places where an installed one is found, and `variable`
    names one elsewhere. `packages` are Debian's; `remedy` is for machines that have neither.
    """

    main: str
    variable: str
    ready: tuple[str, ...]
    packages: tuple[str, ...]
    globs: tuple[tuple[str, str], ...]
    remedy: str


class Part(msgspec.Struct, frozen=True):
    """One part: its folder in the cache is ``parts/<name>-<version>``."""

    name: str
    version: str
    recipe: GoBinary | ModuleFiles | SystemFiles

    @property
    def label(self) -> str:
        """Return how the part is called in messages, e.g. ``etcd 3.7.3``."""
        return f"{self.name} {self.version}"

    @property
    def fingerprint(self) -> str:
        """Return a digest of the whole row: a part built by another recipe is built again."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


_ETCD_MAIN = """package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
"""

_CALICO_REQUIRES = (
    Module(CALICO_MODULE, CALICO),
    Module("github.com/projectcalico/api", "v0.0.0-20251022175904-f2ab03771208"),
    Module(f"{CALICO_MODULE}/lib/std", CALICO),
    Module("k8s.io/kubernetes", "v1.33.5"),
)
_CALICO_REPLACES = (
    "k8s.io/kubernetes => k8s.io/kubernetes v1.33.5",
    "google.golang.org/grpc => google.golang.org/grpc v1.72.2",
)


def _engine(plugin: str) -> tuple[tuple[str, str], ...]:
    """Return the sources of our program over a policy engine, with what all of them share."""
    files = (*sorted(_ENGINES.glob("*.go")), *sorted((_ENGINES / plugin).glob("*.go")))
    return tuple((path.name, path.read_text()) for path in files)


_TABLE = (
    Part(
        "etcd",
        "3.7.3",
        GoBinary("etcd", (Module("go.etcd.io/etcd/server/v3", "v3.7.3"),), sources=(("main.go", _ETCD_MAIN),)),
    ),
    Part(
        "cilium-crds",
        "1.20.2",
        ModuleFiles(
            Module("github.com/cilium/cilium", "v1.20.2"),
            (
                ("pkg/k8s/apis/cilium.io/client/crds/v2/*.yaml", "."),
                ("pkg/k8s/apis/cilium.io/client/crds/v2alpha1/*.yaml", "."),
            ),
        ),
    ),
    Part(
        "calico-manifests",
        "3.31.0",
        ModuleFiles(
            Module(CALICO_MODULE, CALICO),
            (("manifests/crds.yaml", "."), ("manifests/apiserver.yaml", ".")),
            CALICO_ENV,
        ),
    ),
    Part(
        "cluster-network-policy-crds",
        "0.2.0",
        ModuleFiles(
            Module("sigs.k8s.io/network-policy-api", "v0.2.0"),
            (
                ("config/crd/standard/policy.*.yaml", "standard"),
                ("config/crd/experimental/policy.*.yaml", "experimental"),
            ),
        ),
    ),
    Part(
        "kube-apiserver",
        "1.36.3",
        GoBinary(
            "kube-apiserver",
            (Module("k8s.io/kubernetes", _KUBERNETES),),
            package="k8s.io/kubernetes/cmd/kube-apiserver",
            inherit=Inherit(Module("k8s.io/kubernetes", _KUBERNETES), staging="v0.36.3"),
            ldflags=f"-s -w {_GITVERSION}.gitVersion={_KUBERNETES} {_GITVERSION}.gitMajor=1 {_GITVERSION}.gitMinor=36",
        ),
    ),
    Part(
        "helm",
        "4.3.1",
        GoBinary(
            "helm",
            (Module("helm.sh/helm/v4", "v4.3.1"),),
            package="helm.sh/helm/v4/cmd/helm",
            ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1",
        ),
    ),
    Part(
        "calico-apiserver",
        "3.31.0",
        GoBinary(
            "calico-apiserver",
            _CALICO_REQUIRES,
            package=f"{CALICO_MODULE}/apiserver/cmd/apiserver",
            replaces=_CALICO_REPLACES,
            inherit=Inherit(Module(CALICO_MODULE, CALICO)),
            ldflags=f"-s -w -X {CALICO_MODULE}/pkg/buildinfo.Version=v3.31.0",
            env=CALICO_ENV,
        ),
    ),
    Part(
        "cilium-engine",
        "1.20.2",
        GoBinary(
            "cilium-engine",
            (Module("github.com/cilium/cilium", "v1.20.2"),),
            sources=_engine("cilium"),
            replaces=("github.com/cilium/statedb => github.com/cilium/statedb v0.8.3",),
        ),
    ),
    Part(
        "calico-engine",
        "3.31.0",
        GoBinary(
            "calico-engine",
            _CALICO_REQUIRES,
            sources=_engine("calico"),
            replaces=_CALICO_REPLACES,
            inherit=Inherit(Module(CALICO_MODULE, CALICO)),
            env=CALICO_ENV,
        ),
    ),
    Part(
        "network-policies-engine",
        "1.1.1",
        GoBinary(
            "network-policies-engine",
            (
                Module("sigs.k8s.io/kube-network-policies", "v1.1.1"),
                Module("sigs.k8s.io/network-policy-api", "v0.2.0"),
            ),
            sources=_engine("kube-network-policies"),
        ),
    ),
)

_SOFTHSM = Part(
    "softhsm2",
    "2.6.1",
    SystemFiles(
        main="libsofthsm2.so",
        variable="SOFTHSM2_MODULE",
        ready=(
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
            "/opt/homebrew/lib/softhsm/libsofthsm2.so",
        ),
        packages=("libsofthsm2=2.6.1*", "softhsm2=2.6.1*"),
        globs=(("usr/lib/**/libsofthsm2.so", "libsofthsm2.so"), ("usr/bin/softhsm2-util", "softhsm2-util")),
        remedy="install SoftHSM2 (apt install softhsm2, dnf install softhsm, brew install softhsm), or name its "
        "library with SOFTHSM2_MODULE",
    ),
)
"""SoftHSM2 is on no package index that this project builds from; it is C++, and distributions carry it."""

PARTS: dict[str, Part] = {part.name: part for part in (*_TABLE, _SOFTHSM)}
"""Every part by name, in the order in which they are built."""
