"""The command ``edict-agent``: reads options, runs the agent, and prints what a person must mend as one coded line."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import traceback
from pathlib import Path

import click
import httpx2

from edict import log, telemetry
from edict.clock import SystemClock
from edict.errors import AgentError, EdictError
from edict_agent.agent import VERSION, Agent, Surroundings
from edict_agent.codes import Code
from edict_agent.config import Listen, Settings, listen, read_token
from edict_agent.health import Health, serve
from edict_agent.kube import as_agent_error, connect
from edict_agent.metrics import Metrics

_log = log.get("edict_agent.main")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="edict-agent")
def cli() -> None:
    """The Edict agent of one cluster.

    It pulls signed policy from the hub, verifies the signatures itself, translates the policy to what the cluster's
    network plugin understands, applies it, keeps it that way, and reports with receipts that it signs.
    """


@cli.command("run")
@click.option(
    "--cluster", envvar="EDICT_CLUSTER", default="", help="Name of this cluster; checked against the token's."
)
@click.option(
    "--hub",
    envvar="EDICT_HUB",
    default="",
    help="Addresses of the hub's mutual TLS port, host:port[,host:port...]. Default: the token's.",
)
@click.option(
    "--enrol",
    envvar="EDICT_ENROL",
    default="",
    help="Addresses of the hub's enrolment port, host:port[,host:port...]. Default: the token's.",
)
@click.option(
    "--token-file",
    envvar="EDICT_TOKEN_FILE",
    type=click.Path(path_type=Path),
    help="File with the enrolment token of `edict cluster token`; needed at the first start only. "
    "The variable EDICT_TOKEN may hold the token itself.",
)
@click.option(
    "--namespace",
    envvar="EDICT_NAMESPACE",
    default="edict-system",
    show_default=True,
    help="Namespace of the agent's Secrets, Lease and ConfigMap.",
)
@click.option(
    "--kubeconfig",
    envvar="EDICT_KUBECONFIG",
    type=click.Path(path_type=Path),
    help="Default: the Pod's ServiceAccount.",
)
@click.option(
    "--health-listen",
    envvar="EDICT_HEALTH_LISTEN",
    default="",
    metavar="HOST:PORT",
    help="Serve /livez, /readyz and /metrics here.",
)
@click.option(
    "--metrics-listen",
    envvar="EDICT_METRICS_LISTEN",
    default="",
    metavar="HOST:PORT",
    help="Serve Prometheus metrics here.",
)
@click.option(
    "--otlp",
    envvar=["EDICT_OTLP", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    default="",
    metavar="URL",
    help="OTLP gRPC collector for traces and metrics.",
)
@click.option(
    "--holder",
    envvar="EDICT_HOLDER",
    default="",
    help="Name under which the lease is held; give the Pod's UID, so that a restarted container need not wait.",
)
@click.option(
    "--max-age",
    envvar="EDICT_MAX_AGE",
    type=click.FloatRange(min=1),
    default=86400.0,
    show_default=True,
    metavar="SECONDS",
    help="/readyz fails when the last verified release is older.",
)
@click.option(
    "--log-level",
    envvar="EDICT_LOG_LEVEL",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.option("--log-json", envvar="EDICT_LOG_JSON", is_flag=True, help="One JSON object per line.")
@click.option("-v", "--verbose", is_flag=True, help="Print the traceback of an error.")
def run_command(
    *,
    cluster: str,
    hub: str,
    enrol: str,
    token_file: Path | None,
    namespace: str,
    kubeconfig: Path | None,
    health_listen: str,
    metrics_listen: str,
    otlp: str,
    holder: str,
    max_age: float,
    log_level: str,
    log_json: bool,
    verbose: bool,
) -> None:
    """Run the agent until SIGTERM.

    At the first start it needs a token, which holds the hub's addresses, its CA and the digest of the trust root:

      edict-agent run --token-file token --kubeconfig cluster.kubeconfig

    Later it needs nothing: identity and state are kept in Secrets of its namespace, and it enforces what it last
    verified even while no hub can be reached. Exit status: 0 ended by a signal, 2 an error that is printed with its
    code and a remedy.
    """
    log.configure(log_level, json=log_json)
    try:
        settings = Settings(
            namespace=namespace,
            cluster=cluster,
            hub=hub,
            enrol=enrol,
            token=read_token(os.environ.get("EDICT_TOKEN", ""), token_file),
            kubeconfig=kubeconfig,
            holder=holder or f"{socket.gethostname()}-{os.getpid()}",
            health=listen(health_listen),
            metrics=listen(metrics_listen),
            otlp=otlp,
            max_age=max_age,
        )
        asyncio.run(_main(settings))
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets one coded line
        if verbose:
            traceback.print_exc()
        coded = _coded(error)
        click.echo(coded.diagnostics(), err=True)
        sys.exit(coded.exit_code)


def run() -> None:
    """Start the command line."""
    cli()


async def _main(settings: Settings) -> None:
    clock = SystemClock()
    rng = random.SystemRandom()
    measure = settings.metrics or (Listen("127.0.0.1", 0) if settings.health else None)
    measured = telemetry.setup(
        "edict-agent",
        instance=settings.cluster or (settings.token.cluster if settings.token else settings.holder),
        metrics_port=measure.port if measure else None,
        metrics_host=measure.host if measure else "127.0.0.1",
        otlp=settings.otlp,
    )
    metrics = Metrics(clock)
    health = Health(metrics, settings.max_age)
    server = await serve(health, settings.health) if settings.health else None
    kube = connect(settings.kubeconfig)
    agent = asyncio.create_task(Agent(settings, Surroundings(kube, clock, rng, metrics, health)).run())
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    stopped = asyncio.create_task(ended.wait())
    _log.info("started", version=VERSION, namespace=settings.namespace)
    try:
        await asyncio.wait({agent, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not agent.done():
            _log.info("ending")
            agent.cancel()
            await asyncio.gather(agent, return_exceptions=True)
        else:
            agent.result()
    finally:
        stopped.cancel()
        if server is not None:
            server.close()
        await kube.aclose()
        measured.shutdown()


def _coded(error: BaseException) -> EdictError:
    """Return the first coded error inside."""
    if isinstance(error, BaseExceptionGroup):
        found = [_coded(each) for each in error.exceptions]
        unexpected = f"EDICT{Code.UNEXPECTED:04d}"
        return next((each for each in found if each.code != unexpected), found[0])
    if isinstance(error, EdictError):
        return error
    if isinstance(error, httpx2.HTTPError):
        return as_agent_error(error, "")
    return AgentError(
        Code.UNEXPECTED,
        f"a fault of the agent itself: {type(error).__name__}: {error}",
        remedy="run it with --verbose and report what it prints",
    )
