"""Where a secret could have got to in a run: outputs, files, metrics, etcd, and every process while it lives."""

from __future__ import annotations

import os
import stat
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
from aetcd import rpc

from tests.e2e.needles import Spelling, hits

MARK = "EDICT_TEST_RUN"
"""A variable that every process of the run inherits, so that the sampler knows them."""
OTHERS = stat.S_IRGRP | stat.S_IROTH
ENTER = stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True)
class Place:
    """Somewhere with something in it. ``sort`` is output, file, metrics, etcd, cmdline or environ."""

    sort: str
    name: str
    content: bytes


@dataclass(frozen=True)
class Finding:
    """A secret where it must not be; says which and where, not what it is."""

    kind: str
    sort: str
    text: str


def search(places: Iterable[Place], wanted: list[Spelling]) -> list[Finding]:
    """Return what stands where."""
    return [
        Finding(hit.needle.kind, place.sort, f"{place.sort} {place.name}: {hit.needle.name}, {hit.how}")
        for place in places
        for hit in hits(place.content, wanted)
    ]


def exposed_files(root: Path) -> Iterator[Place]:
    """Yield every file below a folder that somebody else than its owner can read, were the folder itself open."""
    pending = [root]
    while pending:
        for entry in os.scandir(pending.pop()):
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and mode & ENTER:
                pending.append(Path(entry.path))
            elif stat.S_ISREG(mode) and mode & OTHERS:
                yield Place("file", str(Path(entry.path).relative_to(root)), Path(entry.path).read_bytes())


def logs(root: Path) -> Iterator[Place]:
    """Yield every log file below a folder, whoever can read it."""
    for path in sorted(root.rglob("*.log")):
        yield Place("output", str(path.relative_to(root)), path.read_bytes())


def metrics(addresses: Iterable[str]) -> Iterator[Place]:
    """Yield what is served at ``host:port/metrics``."""
    for address in addresses:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            yield Place("metrics", address, answer.read())


def stored(endpoint: str, prefix: bytes) -> Iterator[Place]:
    """Yield every key of etcd below a prefix with each value that it ever had, back to the last compaction."""
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    with grpc.insecure_channel(urlsplit(endpoint).netloc, [("grpc.max_receive_message_length", 1 << 30)]) as channel:
        newest = rpc.KVStub(channel).Range(rpc.RangeRequest(key=prefix, range_end=end))
        for item in newest.kvs:
            yield Place("etcd", item.key.decode(), item.key + b"\n" + item.value)
        last = max(item.mod_revision for item in newest.kvs)
        for event in _history(rpc.WatchStub(channel), prefix, end, last):
            yield Place("etcd", f"{event.kv.key.decode()} before", event.kv.key + b"\n" + event.kv.value)


def _history(stub: rpc.WatchStub, prefix: bytes, end: bytes, last: int) -> Iterator[Any]:
    start, done = 1, False
    while not done:
        create = rpc.WatchCreateRequest(key=prefix, range_end=end, start_revision=start)
        stream = stub.Watch(iter([rpc.WatchRequest(create_request=create)]), timeout=30)
        for answer in stream:
            if answer.compact_revision:
                start = answer.compact_revision
                break
            yield from answer.events
            done = any(event.kv.mod_revision >= last for event in answer.events)
            if done:
                break
        stream.cancel()


@dataclass
class Watch:
    """Reads the arguments and the environment of every process that carries the mark, over and over, while it runs."""

    mark: str
    cmdlines: dict[tuple[int, bytes], None] = field(default_factory=dict)
    environs: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    rounds: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def places(self) -> Iterator[Place]:
        """Yield what was seen. The environment of the author's own command is where it is given the passphrase."""
        for pid, cmdline in list(self.cmdlines):
            yield Place("cmdline", f"{pid} {self.name(cmdline)}", cmdline)
        for (pid, environ), cmdline in list(self.environs.items()):
            if self.name(cmdline) != "edict":
                yield Place("environ", f"{pid} {self.name(cmdline)}", environ)

    def programs(self) -> set[str]:
        """The names of the programs that were seen."""
        return {self.name(cmdline) for _, cmdline in list(self.cmdlines)}

    @staticmethod
    def name(cmdline: bytes) -> str:
        """Return a program's name; of a script that an interpreter runs, the script's."""
        words = cmdline.decode(errors="replace").split("\0")
        scripts = [word for word in words[:6] if not word.startswith("-") and "python" not in Path(word).name]
        return Path(scripts[0]).name if scripts else Path(words[0]).name

    def _run(self) -> None:
        mark = f"{MARK}={self.mark}".encode()
        own = os.getpid()
        while not self._ended.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                pid = int(folder.name)
                if pid == own:
                    continue
                try:
                    environ, cmdline = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
                except OSError:
                    continue  # it has ended
                if mark in environ and cmdline:  # an ended one that nobody has waited for has no arguments
                    self.cmdlines[pid, cmdline] = None
                    self.environs[pid, environ] = cmdline
            self.rounds += 1
            self._ended.wait(0.03)
