"""A stolen hub chooses the words that people read: on the terminal of an operator, and in an agent's log."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
import structlog
from grpc.aio import AioRpcError, Metadata

from edict import errors, log
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.receipts import PolicyState
from edict_cli import fleet_table, output
from edict_cli import hub as cli_hub
from edict_cli.codes import Hub
from edict_cli.conformance import ClusterView
from edict_cli.fleet import FaultView, FleetView
from tests.attacks.harness import Off, attack
from tests.unit.agent.test_client import World
from tests.unit.trust.federation import NOW

HOSTILE = "gone\x1b[2J\x1b]0;owned\x07\x9b1A\r\nfra1  Compliant 4\u202e"
"""Clears the screen, renames the window, climbs a line, and turns what follows around."""
AS_IT_IS = str


def _hostile(shown: str) -> bool:
    """Tell whether anything reached the terminal that it would obey."""
    return bool({"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(shown)) or "\nfra1" in shown


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Put logging back."""
    yield
    structlog.reset_defaults()


@attack("refuses an agent with control characters", without=[Off(log, "printable", AS_IT_IS)])
async def test_control_characters_in_an_agent_s_log(capfd: pytest.CaptureFixture[str]) -> bool:
    log.configure("info")
    world = World()
    word = HOSTILE.split("\r", maxsplit=1)[0]  # a renderer that quotes what has blanks would let one word through
    world.hub.fault = AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), details=word)
    await world.hears(world.hub.hellos, 2)
    said = capfd.readouterr().err
    assert "hub not reached" in said
    return _hostile(said)


@attack("refuses an operator with control characters", without=[Off(cli_hub, "printable", AS_IT_IS)])
def test_control_characters_in_a_refusal() -> bool:
    """The hub's own words are printed as it said them, where they look like a coded message."""

    def refuse(*_: object, **__: object) -> None:
        said = f"Error [EDICT0410] {HOSTILE}"
        raise AioRpcError(grpc.StatusCode.ABORTED, Metadata(), Metadata(), details=said)

    with pytest.raises(HubError) as caught:
        cli_hub._call(refuse, pb.StateRequest(), "State")
    assert caught.value.code == "EDICT0410"
    return _hostile(caught.value.diagnostics())


@attack("is called by an operator, and answers what no hub says", without=[Off(errors, "printable", AS_IT_IS)])
def test_control_characters_in_an_answer_that_is_none() -> bool:
    return _hostile(str(HubError(Hub.UNREADABLE, HOSTILE, where=HOSTILE)))


def _view() -> tuple[FleetView, ClusterView]:
    """A fleet in which every word is the hub's."""
    fault = FaultView(HOSTILE, HOSTILE, HOSTILE, None)
    stranger = ClusterView(HOSTILE, PolicyState.UNKNOWN, dialect=HOSTILE, reason=HOSTILE)
    return FleetView(release=1, expires=None, replica=HOSTILE, clusters=(stranger,), faults=(fault,)), stranger


@attack("puts control characters into the table of `edict status`", without=[Off(output, "printable", AS_IT_IS)])
def test_control_characters_in_a_status() -> bool:
    return _hostile(fleet_table.sheet(_view()[0], NOW, wide=True).render(wide=True).plain)


@attack("puts control characters around the table of `edict status`", without=[Off(fleet_table, "printable", AS_IT_IS)])
def test_control_characters_around_a_status() -> bool:
    view, stranger = _view()
    return _hostile("\n".join([*fleet_table.headline(view, NOW), *fleet_table.lines(stranger, NOW, wide=True)]))


@attack("puts control characters into the JSON of `edict status`", without=[Off(output, "_in_json", AS_IT_IS)])
def test_control_characters_in_the_json_of_a_status() -> bool:
    """JSON itself escapes what is below a blank, and nothing above."""
    return _hostile(output.as_json(_view()[0], indent=2))
