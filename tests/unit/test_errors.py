"""One printed form for every error, and no secret in a log line."""

from __future__ import annotations

import pytest

from edict import log
from edict.errors import DocumentError, TrustError
from edict.ids import ClusterName
from edict.pki.csr import new_private_key
from edict.pki.token import Token


def test_an_error_says_code_place_what_and_remedy() -> None:
    error = DocumentError(107, "the port is 0.", where="policy.yaml:31", remedy="give 1 to 65535")
    assert str(error) == "Error [EDICT0107] (policy.yaml:31) the port is 0. Try: give 1 to 65535"
    assert DocumentError(107, "it is empty").diagnostics() == "Error [EDICT0107] it is empty."


def test_a_code_belongs_to_its_family() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        TrustError(107, "x")


def test_secrets_do_not_reach_a_log(capfd: pytest.CaptureFixture[str]) -> None:
    token = Token(ClusterName("a"), "h:1", "h:2", "d", b"\x07" * 32, "PEM", "0" * 64).encode()
    key = new_private_key().decode()
    bearer = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"
    for json in (True, False):
        log.configure("info", json=json)
        log.get("test").info("enrol", error=f"bad token {token}", text=key, header=f"Bearer {bearer}")
    printed = capfd.readouterr().err
    assert printed.count("[redacted]") == 6
    for secret in (token, key.splitlines()[1], bearer):
        assert secret not in printed


def test_what_others_say_does_nothing_to_the_terminal_of_a_log(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    log.get("test").warning("refused", error="\x1b]0;owned\x07\nError [EDICT0000] forged", name="\x9b31m\u202e")
    try:
        raise ValueError("\x1b[2J")  # noqa: TRY301 - a traceback is what is looked at
    except ValueError:
        log.get("test").exception("failed")
    printed = capfd.readouterr().err
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(printed)
    assert "\nError" not in printed
    assert "Traceback" in printed
    assert len(printed.splitlines()) > 3, "the lines of a traceback stay lines"
