"""How translation grows: time and memory of a policy among 100, 1,000 and 10,000, and of one change among the most.

The floor is what msgspec needs to decode the same objects, already rendered, and to encode them again. Both keep all
that they make, as an agent does. Of each size 10,000 policies are translated in all, in a hundred sets of 100, in ten
of 1,000 or in one, so that the caches of the processor and the collector have the same to do, and only what policies
do to each other differs. Times are of the processor, the least of the passes: what else the machine does adds to them.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from bench.netpols import NAMESPACES, PRESETS, namespace, policies, without_its_last_rule
from bench.result import Sample, write
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE, NAMESPACE_NAME
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Plan, RenderedObject, Translator

T = TypeVar("T")
COUNTS = (100, 1_000, 10_000)
CHANGES = 20
PASSES, WORKERS = 2, 2
MEASURED = {"minimal": tuple(Dialect), "medium": (Dialect.CALICO, Dialect.CILIUM)}
MOST_GROWTH, MOST_RATIO, MOST_CHANGE = 1.15, 10, 0.020
FACTS = Facts(
    plugin_version="1.20.2",
    pod_cidrs=("10.128.0.0/14",),
    node_cidrs=("10.0.0.0/16",),
    options={"cluster-id": "0", "enable-k8s-cluster-network-policy": "true"},
    cluster_name="default",
    egress_peers=("networks",),
    namespaces={namespace(index): {NAMESPACE_NAME: namespace(index)} for index in range(NAMESPACES)},
)


class Size(msgspec.Struct, frozen=True):
    """What was measured with one number of policies; seconds and bytes are of a policy, ``changed`` of one change."""

    dialect: Dialect
    preset: str
    count: int
    seconds: Sample
    floor: Sample
    memory: float
    changed: Sample

    @property
    def ratio(self) -> float:
        """Translation to the floor."""
        return self.seconds.minimum / self.floor.minimum


class Growth(msgspec.Struct, frozen=True):
    """One dialect and one preset by size, the smallest first."""

    sizes: tuple[Size, ...]

    def line(self) -> str:
        """Return one row of the table."""
        last = self.sizes[-1]
        times = " ".join(f"{size.seconds.minimum * 1e6:8.0f}" for size in self.sizes)
        memory = " ".join(f"{size.memory / 1024:7.1f}" for size in self.sizes)
        ratios = " ".join(f"{size.ratio:5.1f}" for size in self.sizes)
        change = f"{last.changed.median * 1e3:8.1f} {last.changed.maximum * 1e3:7.1f}"
        return (
            f"{last.dialect:<24} {last.preset:<8} {times}  {self.growth('time'):5.2f}  {memory}  "
            f"{self.growth('memory'):5.2f}  {ratios}  {change}"
        )

    def growth(self, what: str) -> float:
        """Return by how much a policy among the most costs more than one among the fewest: 1 is linear."""
        first, last = self.sizes[0], self.sizes[-1]
        if what == "memory":
            return last.memory / first.memory
        return last.seconds.minimum / first.seconds.minimum

    def misses(self) -> Iterator[str]:
        """Yield the targets that are missed."""
        last = self.sizes[-1]
        who = f"{last.dialect} {last.preset}"
        for what in ("time", "memory"):
            if self.growth(what) > MOST_GROWTH:
                yield f"{who}: {what} of a policy grows to {self.growth(what):.2f} times, more than {MOST_GROWTH}"
        for size in self.sizes:
            if size.ratio > MOST_RATIO:
                yield f"{who}: {size.ratio:.1f} times the floor at {size.count}, more than {MOST_RATIO}"
        if last.changed.median > MOST_CHANGE:
            yield f"{who}: one change takes {last.changed.median * 1e3:.0f} ms, more than {MOST_CHANGE * 1e3:.0f}"


class Table(msgspec.Struct, frozen=True):
    """All that was measured."""

    rows: tuple[Growth, ...]

    def line(self) -> str:
        """Return the printed table with what is missed below it."""
        sizes = "/".join(f"{count:,}" for count in COUNTS)
        head = (
            f"translate: a policy among {sizes}, by dialect and preset of k8s-netpol-scale: processor time in µs and "
            f"its growth (at most {MOST_GROWTH}), memory in KiB and its growth (the same), ratio to msgspec's decoding "
            f"and encoding of the objects (at most {MOST_RATIO}), one change among the most in ms: median (at most "
            f"{MOST_CHANGE * 1e3:.0f}) and maximum"
        )
        missed = [f"missed: {what}" for row in self.rows for what in row.misses()]
        return "\n".join([head, *(row.line() for row in self.rows), *missed])

    def write(self) -> Path:
        """Write what was measured, as :func:`bench.result.write` does."""
        found = [
            msgspec.to_builtins(size)
            | {"value": size.seconds.minimum, "unit": "s a policy", "peer": size.floor.minimum, "ratio": size.ratio}
            for row in self.rows
            for size in row.sizes
        ]
        missed = [what for row in self.rows for what in row.misses()]
        return write("translate", {"name": "translate", "sizes": found, "missed": missed})


def run() -> Table:
    """Measure every dialect with its presets, each pass of each size in a process of its own."""
    return measure([(dialect, preset) for preset, dialects in MEASURED.items() for dialect in dialects])


def measure(chosen: Sequence[tuple[Dialect, str]]) -> Table:
    """Measure some dialects with some presets."""
    tasks = [(*one, count) for one in chosen for count in COUNTS for _ in range(PASSES)]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        passes = iter(list(processes.map(_pass, *zip(*tasks, strict=True))))
    return Table(
        tuple(
            Growth(tuple(_size(dialect, preset, count, list(islice(passes, PASSES))) for count in COUNTS))
            for dialect, preset in chosen
        )
    )


class _Pass(NamedTuple):
    seconds: float
    floor: float
    memory: float
    changes: list[float]


def _size(dialect: Dialect, preset: str, count: int, passes: list[_Pass]) -> Size:
    return Size(
        dialect,
        preset,
        count,
        seconds=Sample.of([one.seconds for one in passes]),
        floor=Sample.of([one.floor for one in passes]),
        memory=min(one.memory for one in passes),
        changed=Sample.of([change for one in passes for change in one.changes]),
    )


def _pass(dialect: Dialect, preset: str, count: int) -> _Pass:
    total = COUNTS[-1]
    sets = [policies(PRESETS[preset], count) for _ in range(total // count)]
    _set_apart()
    before = _resident()
    kept, seconds = _timed(lambda: [_translated(dialect, chosen) for chosen in sets])
    memory = _resident() - before
    objects = [msgspec.json.encode(plan.objects) for _, plan in kept]
    _set_apart()
    _, floor = _timed(lambda: [_decoded_and_encoded(some) for some in objects])
    changes = list(_changes(kept[-1][0], sets[-1]))
    return _Pass(seconds / total, floor / total, memory / total, changes)


def _set_apart() -> None:
    """Keep what is there from the collector, so that it goes through what is measured alone."""
    gc.collect()
    gc.freeze()


def _translated(dialect: Dialect, chosen: list[PlacedPolicy]) -> tuple[Translator, Plan]:
    translator = Translator(dialect, FACTS, DEFAULT_AGENT_NAMESPACE)
    plan = translator.translate(chosen)
    if any(policy.refused for policy in plan.policies):
        msg = "a policy is refused, so that less is measured than it seems"
        raise RuntimeError(msg)
    return translator, plan


def _decoded_and_encoded(objects: bytes) -> tuple[tuple[RenderedObject, ...], bytes]:
    decoded = msgspec.json.decode(objects, type=tuple[RenderedObject, ...])
    return decoded, msgspec.json.encode(decoded)


def _timed(act: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    made = act()
    return made, time.process_time() - started


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _changes(translator: Translator, chosen: list[PlacedPolicy]) -> Iterator[float]:
    """Yield how long it takes when the policy in the middle changes, there and back."""
    middle = len(chosen) // 2
    changed = [*chosen[:middle], without_its_last_rule(chosen[middle]), *chosen[middle + 1 :]]
    for index in range(CHANGES):
        yield _timed(partial(translator.translate, chosen if index % 2 else changed))[1]
