"""What a person or a probe sees: settings, exit codes, health, and what is told to the hub."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from edict.errors import IdentityError, TrustError, UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict_agent.config import Listen, listen, read_token
from edict_agent.health import Health, serve
from edict_agent.main import cli
from edict_agent.metrics import Metrics
from edict_agent.sync.acks import Acks
from edict_agent.sync.addresses import Addresses
from tests.unit.agent.fakes import TurnedClock


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("127.0.0.1:9090", Listen("127.0.0.1", 9090)),
        (":9090", Listen("0.0.0.0", 9090)),  # noqa: S104 - what ":port" means
        ("[::1]:0", Listen("::1", 0)),
    ],
)
def test_a_listen_address(text: str, expected: Listen | None) -> None:
    assert listen(text) == expected


@pytest.mark.parametrize("text", ["9090", "host:", "host:http", "host:70000"])
def test_what_is_no_listen_address_is_a_usage_error(text: str) -> None:
    if text == "9090":
        assert listen(text) == Listen("0.0.0.0", 9090)  # noqa: S104 - a port alone is one on every address
    else:
        with pytest.raises(UsageError, match="EDICT0680"):
            listen(text)


def test_a_token_file_that_is_gone_is_no_token(tmp_path: Path) -> None:
    assert read_token("", tmp_path / "gone") is None
    assert read_token("", None) is None


def test_a_token_that_was_cut_is_told_from_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("edict1.abc")
    with pytest.raises(IdentityError, match="EDICT0307"):
        read_token("", file)


def test_an_unusable_kubeconfig_is_one_coded_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["run", "--kubeconfig", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "Error [EDICT0550]" in done.output
    assert "Traceback" not in done.output


def test_help_says_what_the_first_start_needs() -> None:
    done = CliRunner().invoke(cli, ["run", "--help"])
    assert done.exit_code == 0
    assert "--token-file" in done.output
    assert "Exit status" in done.output


async def ask(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def test_health_follows_the_age_of_the_last_verified_release() -> None:
    clock = TurnedClock()
    health = Health(Metrics(clock), max_age=60)
    server = await serve(health, Listen("127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    assert await ask(port, "/livez") == (200, "ok\n")
    assert await ask(port, "/readyz") == (503, "starting\n")
    health.started = True
    assert await ask(port, "/readyz") == (200, "no release yet\n")
    health.metrics.verified(7, clock.now(), clock.now() + timedelta(days=7))
    assert (await ask(port, "/readyz"))[0] == 200
    clock.passed += 61
    assert await ask(port, "/readyz") == (503, "release 7 verified 61 s ago\n")
    assert (await ask(port, "/metrics"))[0] == 200
    assert (await ask(port, "/nothing"))[0] == 404
    server.close()


async def test_a_release_that_has_expired_is_said_and_does_not_end_readiness() -> None:
    clock = TurnedClock()
    health = Health(Metrics(clock), max_age=3600, started=True)
    health.metrics.verified(7, clock.now(), clock.now() + timedelta(seconds=60))
    assert health.readiness() == (True, "release 7 verified 0 s ago")
    assert (health.metrics.stale(), health.metrics.left()) == (False, 60)
    clock.passed += 60
    ready, said = health.readiness()
    assert ready
    assert "Stale: it expired at 2026-01-01T00:01:00Z" in said
    assert health.metrics.stale()


def stages(acks: Acks) -> list[int]:
    return [ack.stage for ack in acks.take()]


def test_only_the_newest_release_is_acknowledged_and_a_new_stream_hears_it_again() -> None:
    acks = Acks()
    acks.received(1, 1)
    acks.verified(1, 1)
    acks.received(2, 2)
    acks.verified(2, 2)
    acks.applied(2, 2)
    assert [(ack.release, ack.stage) for ack in acks.take()] == [(2, 1), (2, 2), (2, 3)]
    assert not stages(acks)
    acks.again()
    assert stages(acks) == [1, 2, 3]


def test_a_rejection_names_the_key_asks_again_and_is_not_repeated_on_a_new_stream() -> None:
    acks = Acks()
    acks.received(1, 1)
    acks.rejected(1, 1, TrustError(205, "x" * 9000, where="metadata/targets/3"))
    ack = acks.take()[-1]
    assert ack.stage == pb.ACK_STAGE_REJECTED
    assert (ack.error_code, len(ack.error)) == ("EDICT0205", 4096)
    assert "metadata/targets/3" in ack.error
    assert acks.have_again
    acks.again()
    assert stages(acks) == [pb.ACK_STAGE_RECEIVED]
    assert not acks.have_again


def test_replicas_are_tried_in_turn_from_anywhere() -> None:
    starts = {Addresses("a:1, b:1,c:1", random.Random(seed)).next() for seed in range(20)}
    assert starts == {"a:1", "b:1", "c:1"}
    addresses = Addresses("a:1,b:1", random.Random(0))
    assert {addresses.next(), addresses.next()} == {"a:1", "b:1"}
