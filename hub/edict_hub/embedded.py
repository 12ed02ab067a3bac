"""An etcd of the hub's own, for a laptop: one member, reached by a Unix socket that only its owner can open.

It runs under a shell that waits for the hub to go away (its end of a pipe closes, however the hub ends) and then ends
etcd. The data stays.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict_hub.codes import Code
from edict_hub.store import EtcdStore

_log = log.get(__name__)
VERSION = "3.7.3"
START_SECONDS = 20.0
RESTART_SECONDS = 1.0
_SUPERVISE = """
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r _ <&3; kill "$child"; } 2>/dev/null &
waiter=$!
exec 3<&-
wait "$child"
code=$?
kill "$waiter" 2>/dev/null
exit "$code"
"""


class EmbeddedEtcd:
    """A child process. Start it with :meth:`start`; keep :meth:`run` running."""

    def __init__(self, binary: Path, data_dir: Path, clock: Clock) -> None:
        self._binary = binary
        self._data = data_dir
        self._clock = clock
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(f"its data folder cannot be made: {error.strerror}", data_dir) from None
        self._sockets = Path(tempfile.mkdtemp(prefix="edict-etcd-"))
        self._process: asyncio.subprocess.Process | None = None

    @property
    def endpoint(self) -> str:
        """Where the store finds it."""
        return f"unix://{self._sockets}/client.sock"

    @classmethod
    async def start(cls, data_dir: Path, clock: Clock) -> EmbeddedEtcd:
        """Start etcd on a data folder, new or kept from before, and wait until it answers.

        Raises:
            HubError: EDICT0403 when there is no etcd on this machine; EDICT0404 when it does not start.
        """
        etcd = cls(find(), data_dir, clock)
        await etcd._launch()
        try:
            await etcd._await_ready()
        except BaseException:
            await etcd.stop()
            raise
        return etcd

    async def run(self) -> None:
        """Start it again whenever it ends, for ever."""
        while self._process is not None:
            code = await self._process.wait()
            _log.error("the embedded etcd ended and is started again", code=code, key=str(self._data / "etcd.log"))
            await self._clock.sleep(RESTART_SECONDS)
            await self._launch()

    async def stop(self) -> None:
        """End it and wait for that."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)

    async def _launch(self) -> None:
        peer = "http://127.0.0.1:2380"  # a single member tells nobody; it listens on a socket instead
        flags = {
            "name": "hub",
            "data-dir": self._data / "etcd",
            "listen-client-urls": self.endpoint,
            "advertise-client-urls": self.endpoint,
            "listen-peer-urls": f"unix://{self._sockets}/peer.sock",
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"hub={peer}",
            "log-level": "warn",
            "auto-compaction-mode": "periodic",
            "auto-compaction-retention": "1h",
        }
        for name in ("client.sock", "peer.sock"):
            (self._sockets / name).unlink(missing_ok=True)
        with (self._data / "etcd.log").open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _SUPERVISE,
                "etcd",
                str(self._binary),
                *(f"--{name}={value}" for name, value in flags.items()),
                stdin=asyncio.subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    async def _await_ready(self) -> None:
        store = EtcdStore([self.endpoint], clock=self._clock)
        deadline = self._clock.monotonic() + START_SECONDS
        try:
            while True:
                try:
                    await store.get("/edict/v1/timestamp")
                except HubError as error:
                    ended = self._process is not None and self._process.returncode is not None
                    if ended or self._clock.monotonic() > deadline:
                        raise _failed("it ended at once" if ended else error.what, self._data) from None
                else:
                    return
        finally:
            await store.close()


def find() -> Path:
    """Return the etcd program: ``EDICT_ETCD``, then the one that tests.env built, then the one on PATH.

    Raises:
        HubError: EDICT0403.
    """
    given = os.environ.get("EDICT_ETCD", "")
    cache = Path(os.environ.get("EDICT_CACHE") or Path.home() / ".cache" / "edict")
    candidates = [Path(given)] if given else [cache / "parts" / f"etcd-{VERSION}" / "etcd"]
    if not given and (on_path := shutil.which("etcd")):
        candidates.append(Path(on_path))
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise HubError(
        Code.ETCD_MISSING,
        "there is no etcd to embed",
        where=", ".join(map(str, candidates)),
        remedy="set EDICT_ETCD to an etcd program, or build one with `python -m tests.env etcd`",
    )


def _failed(why: str, data_dir: Path) -> HubError:
    return HubError(
        Code.ETCD_FAILED,
        f"the embedded etcd did not start: {why}",
        where=str(data_dir),
        remedy=f"read {data_dir / 'etcd.log'}; another hub may use this folder",
    )
