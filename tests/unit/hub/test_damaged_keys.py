"""A key of the hub that cannot be read is named by its file, with a remedy that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from edict.errors import IdentityError
from tests.unit.agent.fakes import TurnedClock
from tests.unit.hub.test_leaf import Folder


@pytest.mark.parametrize(("name", "remedy"), [("ca.key", "edict hub authority"), ("server.key", "server.crt")])
def test_the_error_says_which_key_it_is_and_what_to_do(tmp_path: Path, name: str, remedy: str) -> None:
    folder = Folder(tmp_path, TurnedClock())
    assert folder.leaf().now()
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(IdentityError, match="EDICT0303") as raised:
        folder.leaf()
    assert raised.value.where == str(tmp_path / name)
    assert remedy in raised.value.remedy
    assert "enrol again" not in raised.value.remedy
