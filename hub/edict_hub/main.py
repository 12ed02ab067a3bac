"""The command ``edict-hub``."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edict import log, telemetry
from edict.clock import SystemClock
from edict.errors import EdictError
from edict_hub import config as settings
from edict_hub.codes import unexpected
from edict_hub.config import Config
from edict_hub.embedded import EmbeddedEtcd
from edict_hub.server import Addresses, Replica
from edict_hub.store import EtcdStore

EMBEDDED = "embedded"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="edict-federation")
def main() -> None:
    """Edict's hub: keeps signed network policy in etcd and relays it to the agents of many clusters.

    The hub can author no policy: authors sign offline, and every agent verifies what it gets. A hub that is stolen can
    hold clusters on an older release and be seen doing it, nothing more.

    Replicas are interchangeable: run as many as you like on one etcd, behind any TCP load balancer.
    """


@main.command()
@click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path),
    default=Path("hub/hub.yaml"),
    show_default=True,
    help="The hub.yaml that `edict init` wrote. Paths in it are relative to it.",
)
@click.option("--mtls-listen", metavar="HOST:PORT", help="Agents and operators, mutual TLS. Port 0 takes a free one.")
@click.option("--enrol-listen", metavar="HOST:PORT", help="Enrolment of new clusters, without client certificates.")
@click.option("--metrics-listen", metavar="HOST:PORT", help="Prometheus metrics, plain HTTP, at /metrics.")
@click.option(
    "--etcd",
    "endpoints",
    multiple=True,
    metavar="URL",
    help="An endpoint of etcd; repeat for each member. `embedded` starts one that ends with the hub.",
)
@click.option("--etcd-ca", metavar="FILE", help="The CA of etcd's certificates, PEM.")
@click.option("--etcd-cert", metavar="FILE", help="The hub's client certificate at etcd, PEM.")
@click.option("--etcd-key", metavar="FILE", help="The key of that certificate, readable by its owner alone.")
@click.option("--data-dir", metavar="DIR", help="Where the embedded etcd keeps its data between starts.")
@click.option(
    "--replica", metavar="NAME", help="The name of this replica in status and logs. [default: the host's name]"
)
@click.option(
    "--otlp",
    metavar="URL",
    envvar=["EDICT_OTLP", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    show_envvar=True,
    help="An OpenTelemetry collector (gRPC) for traces and metrics.",
)
@click.option(
    "--log-level",
    envvar="EDICT_LOG_LEVEL",
    show_envvar=True,
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.option("--log-json", is_flag=True, help="Log one JSON object a line.")
def serve(path: Path, log_level: str, *, log_json: bool, **flags: Any) -> None:
    """Serve agents and operators until SIGTERM.

    Prints one line on standard error once it serves:

    \b
        ready replica=NAME mtls=HOST:PORT enrol=HOST:PORT metrics=HOST:PORT

    On SIGTERM it finishes publishes, ends agents' streams so that they connect to another replica, and exits 0. A
    kill -9 loses nothing that was acknowledged. While etcd is away it goes on serving what it has.

    \b
    On a laptop:
        edict-hub serve --config hub/hub.yaml --etcd embedded

    Exit codes: 0 ended on a signal, 2 could not start or cannot go on (the error has a code and says what to do).
    """  # noqa: D301 - click's own mark is a backspace, not a backslash
    log.configure(log_level, json=log_json)
    asyncio.run(_serve(settings.load(path, _overrides(flags))))


def run() -> None:
    """Run the command; the entry point."""
    try:
        main.main(standalone_mode=False)
    except EdictError as error:
        _fail(error.diagnostics())
    except BaseExceptionGroup as group:
        known, unknown = group.split(EdictError)
        if unknown is not None or known is None:
            _crash(group)
        else:
            _fail(_first(known).diagnostics())
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 - the last place where an error can be given a code
        _crash(error)


async def _serve(config: Config) -> None:
    clock = SystemClock()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = settings.address(config.metrics_listen, "metricsListen") if config.metrics_listen else ("", None)
    meters = telemetry.setup(
        "edict-hub", instance=config.replica, metrics_port=port, metrics_host=host, otlp=config.otlp
    )

    def ready(addresses: Addresses) -> None:
        served = f" metrics={host}:{meters.metrics_port}" if port is not None else ""
        line = f"ready replica={config.replica} mtls={addresses.mtls} enrol={addresses.enrol}{served}"
        click.echo(line, err=True)

    try:
        async with asyncio.TaskGroup() as group:
            etcd, watcher = None, None
            if config.embedded is not None:
                etcd = await EmbeddedEtcd.start(Path(config.embedded.data_dir), clock)
                watcher = group.create_task(etcd.run())
            store = _store(config, etcd)
            try:
                await Replica(config, store, clock, random.SystemRandom()).serve(ready, stop)
            finally:
                await store.close()
                if etcd is not None and watcher is not None:
                    watcher.cancel()
                    await etcd.stop()
    finally:
        meters.shutdown()


def _store(config: Config, etcd: EmbeddedEtcd | None) -> EtcdStore:
    if etcd is not None or config.etcd is None:
        return EtcdStore([etcd.endpoint if etcd else ""], clock=SystemClock())
    return EtcdStore(config.etcd.endpoints, clock=SystemClock(), tls=settings.etcd_tls(config.etcd))


def _overrides(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags by the names that the file has for them."""
    named = {
        "mtlsListen": flags["mtls_listen"],
        "enrolListen": flags["enrol_listen"],
        "metricsListen": flags["metrics_listen"],
        "replica": flags["replica"],
        "otlp": flags["otlp"],
    }
    endpoints, data_dir = flags["endpoints"], flags["data_dir"]
    tls = {name: flags[f"etcd_{name}"] for name in ("ca", "cert", "key") if flags[f"etcd_{name}"]}
    if data_dir and endpoints != (EMBEDDED,):
        raise settings.invalid("it is for the embedded etcd", "--data-dir", "add --etcd embedded")
    if endpoints == (EMBEDDED,):
        named["embedded"] = {"dataDir": str(Path(data_dir).absolute())} if data_dir else {}
    elif endpoints:
        absolute = {f"{name}File": str(Path(file).absolute()) for name, file in tls.items()}
        named["etcd"] = {"endpoints": list(endpoints), **absolute}
    return named


def _first(group: BaseExceptionGroup[EdictError]) -> EdictError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _crash(error: BaseException) -> None:
    log.get(__name__).error("the hub cannot go on", exc_info=error)
    _fail(unexpected().diagnostics())


def _fail(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(2)
