"""What a hub or a document says cannot steer the terminal that it is shown on."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import click
import pytest
from rich.console import Console

from edict.errors import HubError, printable
from edict.trust.receipts import PolicyState
from edict_cli.conformance import ClusterView
from edict_cli.fleet import FaultView, FleetView
from edict_cli.fleet_table import headline, lines, sheet
from edict_cli.output import Form, Sheet, as_json, emit, note

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "up\x1b[2J\x1b]0;title\x07\x9b1A\x7f\r\nEdict: all is well\u202e\u2028."
SHOWN = r"up\x1b[2J\x1b]0;title\x07\x9b1A\x7f  Edict: all is well\u202e ."


def steering(text: str) -> set[str]:
    """Return what would do something to a terminal, or look like another line."""
    return {character for character in text if not character.isprintable()}


def test_control_characters_are_shown_and_all_else_stays() -> None:
    assert printable(HOSTILE) == SHOWN
    for plain in ("", "  indented", "Degraded 1 · Compliant 4", "größe 大 [bold]", r"a\x1b"):
        assert printable(plain) == plain


def test_an_error_is_one_line_whatever_a_hub_put_into_it() -> None:
    error = HubError(452, f"the hub says {HOSTILE}", where=HOSTILE, remedy=HOSTILE)
    assert not steering(error.diagnostics())
    assert error.diagnostics().count(SHOWN.rstrip(".")) == 3


def test_a_table_shows_what_it_was_given() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200, color_system=None)
    console.print(Sheet(["a", "b"], [[HOSTILE, "  Compliant"]]).render(wide=False))
    assert SHOWN in out.getvalue()
    assert not steering(out.getvalue()) - {"\n"}


def test_states_keep_their_colour() -> None:
    out = io.StringIO()
    table = Sheet(["state"], [["Degraded 2\x1b[32m"]]).render(wide=False)
    Console(file=out, force_terminal=True, color_system="standard").print(table)
    assert "\x1b[31mDegraded 2\\x1b[32m\x1b[0m" in out.getvalue()


def test_the_fleet_and_the_faults_of_the_hub_do_not_steer(capsys: pytest.CaptureFixture[str]) -> None:
    bad = ClusterView(HOSTILE, PolicyState.UNKNOWN, dialect=HOSTILE, agent_version=HOSTILE, reason=HOSTILE)
    view = FleetView(1, None, HOSTILE, (bad,), (FaultView(HOSTILE, "EDICT0401", HOSTILE, None),))
    click.echo("".join(lines(bad, NOW, wide=True)))
    emit(Form.WIDE, {}, sheet(view, NOW, wide=True))
    emit(Form.NAME, {}, Sheet([]), names=[HOSTILE])
    for text in headline(view, NOW):
        note(text)
    shown = capsys.readouterr()
    assert not steering(shown.out + shown.err) - {"\n"}
    assert len(shown.err.splitlines()) == 1
    assert len(shown.out.splitlines()) == 4, "a line, a table of one row, a name"


def test_a_note_of_ours_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    note("one\ntwo\x1b")
    assert capsys.readouterr().err == "one\ntwo\\x1b\n"


def test_json_is_the_same_data_and_does_not_steer(capsys: pytest.CaptureFixture[str]) -> None:
    said = {HOSTILE: [HOSTILE, "größe 大", "\U000e0001"]}
    for text in (as_json(said), as_json(said, indent=2)):
        assert json.loads(text) == said
        assert not steering(text) - {"\n"}
        assert "größe 大" in text
    emit(Form.JSON, said, Sheet([]))
    emit(Form.YAML, said, Sheet([]))
    assert not steering(capsys.readouterr().out) - {"\n"}
