"""How translation grows: time and memory of a policy among 100, 1,000 and 10,000, and of one change among the most.

The floor is what msgspec needs to decode the same objects, already rendered, and to encode them again. Both keep all
that they make, as an agent does. Times are of the processor, the least of several: what else the machine does adds
to both. Each size has a process of its own, and memory is by how much it grows.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from bench.netpols import NAMESPACES, PRESETS, namespace, policies, without_its_last_rule
from bench.result import Sample, write
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE, NAMESPACE_NAME
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Plan, RenderedObject, Translator

COUNTS = (100, 1_000, 10_000)
CHANGES = 40
KEPT_FOR_MEMORY = 2_000
"""So many policies at least are translated, by several translators, where memory is measured."""
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
    """Measure every dialect with every preset, each size in a process of its own."""
    return Table(tuple(_growth(dialect, preset) for preset in PRESETS for dialect in Dialect))


def _growth(dialect: Dialect, preset: str) -> Growth:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as fresh:
        return Growth(tuple(fresh.map(_measure, [dialect] * len(COUNTS), [preset] * len(COUNTS), COUNTS)))


def _measure(dialect: Dialect, preset: str, count: int) -> Size:
    chosen = policies(PRESETS[preset], count)
    gc.collect()
    gc.freeze()
    memory = _memory(dialect, chosen)
    objects = msgspec.json.encode(_translated(dialect, chosen).objects)
    seconds, floor = [], []
    for _ in range(max(3, 2_000 // count)):
        seconds.append(_timed(lambda: _translated(dialect, chosen)) / count)
        floor.append(_timed(lambda: _decoded_and_encoded(objects)) / count)
    changed = list(_changes(Translator(dialect, FACTS, DEFAULT_AGENT_NAMESPACE), chosen))
    return Size(dialect, preset, count, Sample.of(seconds), Sample.of(floor), memory, Sample.of(changed))


def _translated(dialect: Dialect, chosen: list[PlacedPolicy]) -> Plan:
    plan = Translator(dialect, FACTS, DEFAULT_AGENT_NAMESPACE).translate(chosen)
    if any(policy.refused for policy in plan.policies):
        msg = "a policy is refused, so that less is measured than it seems"
        raise RuntimeError(msg)
    return plan


def _decoded_and_encoded(objects: bytes) -> tuple[tuple[RenderedObject, ...], bytes]:
    decoded = msgspec.json.decode(objects, type=tuple[RenderedObject, ...])
    return decoded, msgspec.json.encode(decoded)


def _timed(act: Callable[[], object]) -> float:
    started = time.process_time()
    kept = act()
    taken = time.process_time() - started
    del kept
    return taken


def _memory(dialect: Dialect, chosen: list[PlacedPolicy]) -> float:
    """Return how many bytes the process grows by for each policy that is kept, plan and translator."""
    kept = []
    before = _resident()
    for _ in range(max(1, KEPT_FOR_MEMORY // len(chosen))):
        translator = Translator(dialect, FACTS, DEFAULT_AGENT_NAMESPACE)
        kept.append((translator, translator.translate(chosen)))
    return (_resident() - before) / (len(chosen) * len(kept))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _changes(translator: Translator, chosen: list[PlacedPolicy]) -> Iterator[float]:
    """Yield how long it takes when the policy in the middle changes, there and back."""
    middle = len(chosen) // 2
    changed = [*chosen[:middle], without_its_last_rule(chosen[middle]), *chosen[middle + 1 :]]
    translator.translate(chosen)
    for index in range(CHANGES):
        policies_then = chosen if index % 2 else changed
        yield _timed(lambda then=policies_then: translator.translate(then))  # type: ignore[misc]
