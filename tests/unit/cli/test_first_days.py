"""What an author who has the guides alone runs into in the first days, and what the command says then."""

from __future__ import annotations

import pytest

from edict_cli.limiting import in_words
from edict_cli.output import Form
from edict_cli.publishing import Published
from edict_cli.signing import Difference
from edict_cli.verbs import sign as sign_verb
from edict_cli.verbs.publish import show
from tests.unit.cli.authors import MemoryHub
from tests.unit.cli.town import HERE, Town, founded_by_two, key_of


def test_nothing_is_published_before_all_founders_signed_whether_a_hub_runs_or_not(town: Town) -> None:
    town.bob("trust", "init", town.bob.folder, *HERE, "--join")
    pub = key_of(town.bob, "root", town.papers / "bob.pub")
    others = ("--key", f"root={pub}", "--threshold", "root=2")
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase", *others)
    town.ada.fails("EDICT0630", "publish")
    assert "THRESHOLD" in town.ada("trust", "status"), "2 of 2 is how many must sign, not how many did"


def test_whoever_has_no_operator_certificate_is_told_how_to_get_one(town: Town) -> None:
    founded_by_two(town, "root")
    said = town.bob.fails("EDICT0603", "sign", "--rebase")
    assert "edict operator issue" in said


def test_a_rebase_gets_the_documents_that_a_comparison_needs(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--team", "net", "--out", town.file)
    town.passed()
    town.ada.publish(hub)
    town.ada("trust", "delegate", "pay", "--no-passphrase")
    town.ada("sign", "-f", town.document("mine", priority=20), "--team", "net", "--out", town.file)
    monkeypatch.setattr(sign_verb, "HubClient", lambda _: Connected(hub))
    assert "The newest release is 1." in town.bob("sign", "--rebase")
    said = town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
    assert "cannot be compared" not in said
    assert "verdict" in said.lower()


def test_a_publish_says_which_roles_it_changes(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    hub = MemoryHub(town.ada.workspace)
    town.ada.publish(hub)
    town.ada("trust", "delegate", "pay", "--no-passphrase")
    capsys.readouterr()
    show(Form.TABLE, town.ada.released(hub))
    assert capsys.readouterr().out.splitlines()[1].split() == ["added", "role", "policies/pay"]
    show(Form.TABLE, Published(3, 3, "published", None, roles={"role root": Difference.CHANGED}), told=True)
    assert "role root" not in capsys.readouterr().out


def test_a_root_that_replaces_its_own_keys_is_pending_under_the_present_and_the_new_ones(town: Town) -> None:
    hub = founded_by_two(town, "root")
    town.ada.publish(hub)
    said = town.ada("trust", "rotate", "root", "--no-passphrase")
    assert "root (present keys)" in said
    assert "root (new keys)" in said
    assert [entry["keys"] for entry in town.ada.json("trust", "status")["pending"]] == ["present keys", "new keys"]


def test_what_cannot_be_is_refused_by_name_before_a_key_is_made(town: Town) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    before = sorted((town.ada.folder / "keys").iterdir())
    town.ada.fails("EDICT0216", "trust", "add-key", "root", "--threshold", "9", "--no-passphrase")
    assert "2 would have to sign" in town.ada.fails("EDICT0216", "trust", "threshold", "root", "2")
    assert "'abc'" in town.ada.fails("EDICT0601", "trust", "delegate", "net", "--priority", "abc")
    assert "--max-days" in town.ada.fails("EDICT0635", "trust", "delegate", "net", "--max-days", "3")
    assert "--tier" in town.ada.fails("EDICT0635", "trust", "delegate", "waivers", "--tier", "Admin")
    assert sorted((town.ada.folder / "keys").iterdir()) == before


def test_limits_are_shown_as_they_are_asked_for() -> None:
    plain = {
        "tiers": ["Admin"],
        "priorities": {"first": 1, "last": 9},
        "clusters": {"matchLabels": {"env": "prod"}},
        "namespaces": ["a", "b"],
        "maxDays": 30,
        "policies": ["net/*"],
    }
    said = "tier Admin; priority 1-9; cluster-selector env=prod; namespace a,b; max-days 30; policy net/*"
    assert in_words(plain) == said
    chosen = {"clusters": {"matchExpressions": [{"key": "env", "operator": "In", "values": ["a", "b"]}]}}
    assert in_words(chosen) == "cluster-selector env In (a,b)"


class Connected:
    """A hub as a context, as the command opens one."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub

    def __enter__(self) -> MemoryHub:
        return self._hub

    def __exit__(self, *_: object) -> None:
        """It stays as it is."""
