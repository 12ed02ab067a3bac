"""One real etcd member on 127.0.0.1."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.env._build import ensure_parts
from tests.env._process import Process
from tests.env._wait import answers_ok, await_ready, free_ports, with_second_try


class ServerTls(msgspec.Struct, frozen=True):
    """TLS of a server: its certificate and key, and with `client_ca` the authority that clients must present."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class Etcd:
    """A running etcd. Made by `Etcd.start`; a context manager that stops it."""

    def __init__(self, directory: Path, name: str, tls: ServerTls | None) -> None:
        """Describe a member; use `start`."""
        self.directory = directory
        self.name = name
        self._tls = tls
        self._ports: list[int] = []
        self._process: Process | None = None

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        name: str = "etcd",
        port: int | None = None,
        tls: ServerTls | None = None,
    ) -> Etcd:
        """Start a member whose data and log live in ``directory/name``; return it when it is ready.

        `port` is the client port (None: a free one). Data already there is used again. Raises EnvError.
        """
        etcd = cls(directory.absolute() / name, name, tls)

        def attempt() -> None:
            free = free_ports(3)
            etcd._ports = [port or free[0], *free[1:]]
            etcd._launch()

        with_second_try(attempt)
        return etcd

    @property
    def endpoint(self) -> str:
        """Return the client URL, ``http://127.0.0.1:PORT``, or https with `tls`."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._ports[0]}"

    @property
    def metrics(self) -> str:
        """Return the URL that serves ``/metrics`` and ``/readyz`` without TLS."""
        return f"http://127.0.0.1:{self._ports[2]}"

    @property
    def pid(self) -> int:
        """Return the process id of the running member."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL it; the data stays."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Start it again on the same ports and data (killing it first if it runs); return when it is ready."""
        self.kill()
        self._launch()

    def stop(self) -> None:
        """End it; the data stays."""
        if self._process:
            self._process.stop()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _launch(self) -> None:
        binary = ensure_parts(["etcd"])["etcd"]
        self._process = Process.start([binary, *self._flags()], log=self.directory / "etcd.log")
        try:
            await_ready(self._process, lambda: answers_ok(f"{self.metrics}/readyz"), subject=f"etcd {self.name}")
        except BaseException:
            self._process.kill()
            raise

    def _flags(self) -> list[str]:
        peer = f"http://127.0.0.1:{self._ports[1]}"
        flags = {
            "name": self.name,
            "data-dir": self.directory / "data",
            "listen-client-urls": self.endpoint,
            "advertise-client-urls": self.endpoint,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"{self.name}={peer}",
            "listen-metrics-urls": self.metrics,
            "log-level": "warn",
        }
        if self._tls:
            flags |= {"cert-file": self._tls.cert, "key-file": self._tls.key}
            if self._tls.client_ca:
                flags |= {"trusted-ca-file": self._tls.client_ca, "client-cert-auth": "true"}
        return [f"--{name}={value}" for name, value in flags.items()]
