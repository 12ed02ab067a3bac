"""``python -m tests.env``: build, list and run the real parts by hand."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import get_args

from tests.env._build import asset, cache_dir, ensure_parts, folder_of, stamp_of
from tests.env._errors import NOT_FOR_THIS_MACHINE, EnvError
from tests.env._kinds import Kind, parts_for
from tests.env._parts import PARTS

_DESCRIPTION = """\
Real parts for tests, benchmarks and the demo: etcd, kube-apiserver, Calico's API server, helm and the plugins' CRDs,
built from their Go modules once and kept in $EDICT_CACHE (default ~/.cache/edict); SoftHSM2, a PKCS#11 device in
software, is the operating system's, or is taken out of Debian's packages."""
_EPILOG = """\
environment:
  EDICT_CACHE          where built parts are kept
  KUBEBUILDER_ASSETS   a folder with ready-made etcd and kube-apiserver, used instead of building those two
  SOFTHSM2_MODULE      the library of an installed SoftHSM2, used instead of Debian's package

examples:
  python -m tests.env build                            build everything (about 20 minutes on two cores, the first time)
  python -m tests.env build etcd kube-apiserver        build only these
  python -m tests.env up                               one Cilium and one Calico cluster, until Ctrl-C
  python -m tests.env up --kind cilium --kind cilium   two Cilium clusters: cilium-1, cilium-2

`up` prints one line for each cluster: NAME, KIND, SERVER and KUBECONFIG (the administrator's), separated by tabs.
exit codes: 0 done, 2 error, 130 interrupted (the usual end of `up`).
Data is on standard output, progress on standard error."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.env",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    build = verbs.add_parser("build", help="build parts that are not built yet; print where they are")
    build.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    verbs.add_parser("status", help="list the parts, which of them are built, and how long that took")
    up = verbs.add_parser("up", help="start an etcd and clusters, print their kubeconfigs, stay until Ctrl-C")
    up.add_argument(
        "--kind",
        action="append",
        choices=get_args(Kind),
        help="a cluster to start; repeat it for more (default: one cilium, one calico)",
    )
    up.add_argument(
        "--dir", type=Path, help="keep data and logs here (default: a temporary folder, deleted at the end)"
    )
    return parser


def _build(names: list[str]) -> int:
    for name in names or PARTS:
        try:
            print(f"{name}\t{ensure_parts([name])[name]}")
        except EnvError as error:
            if names or error.code != NOT_FOR_THIS_MACHINE:
                raise
            print(error, file=sys.stderr)  # its tests say so too, and everything else can be built
    return 0


def _status() -> int:
    print(f"{'PART':<30}{'VERSION':<10}{'STATE':<10}{'BUILT IN':<10}PATH")
    for part in PARTS.values():
        ready, stamp = asset(part), stamp_of(part)
        state = "asset" if ready else "built" if stamp else "missing"
        took = f"{stamp.seconds:.0f} s" if stamp and not ready else "-"
        print(f"{part.name:<30}{part.version:<10}{state:<10}{took:<10}{ready or folder_of(part)}")
    print(f"cache: {cache_dir()}", file=sys.stderr)
    return 0


def _names(kinds: list[Kind]) -> list[str]:
    """Return a name for each cluster: its kind when it is the only one of that kind, else with a number."""
    return [
        kind if kinds.count(kind) == 1 else f"{kind}-{kinds[: index + 1].count(kind)}"
        for index, kind in enumerate(kinds)
    ]


def _up(kinds: list[Kind], directory: Path | None) -> int:
    from tests.env._cluster import Cluster  # noqa: PLC0415 - 0.2 s that `build` and `status` need not wait for
    from tests.env._etcd import Etcd  # noqa: PLC0415 - same

    for kind in kinds:
        ensure_parts(parts_for(kind))
    with ExitStack() as stack:
        folder = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edict-env-")))
        etcd = stack.enter_context(Etcd.start(folder))
        print(f"etcd at {etcd.endpoint}, logs in {folder}", file=sys.stderr)
        with ThreadPoolExecutor() as pool:
            starts = [
                pool.submit(Cluster.start, kind, etcd, folder, name=name)
                for name, kind in zip(_names(kinds), kinds, strict=True)
            ]
        for start in starts:
            if start.exception() is None:
                stack.enter_context(start.result())
        for cluster in [start.result() for start in starts]:
            print(cluster.name, cluster.kind, cluster.server, cluster.kubeconfig, sep="\t", flush=True)
        print("up; Ctrl-C ends it", file=sys.stderr, flush=True)
        threading.Event().wait()
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the command line; return the exit code."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        match arguments.verb:
            case "build":
                return _build(arguments.parts)
            case "status":
                return _status()
            case _:
                return _up(arguments.kind or ["cilium", "calico"], arguments.dir)
    except EnvError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
