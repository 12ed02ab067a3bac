"""What an author who has the guides alone runs into in the first days, and what the command says then."""

from __future__ import annotations

import pytest

from edict.errors import UsageError
from edict.trust import authorities
from edict.trust.receipts import PolicyState
from edict_cli import trusting
from edict_cli.codes import Code
from edict_cli.conformance import ClusterView, PolicyView
from edict_cli.fleet import FaultView, FleetView
from edict_cli.fleet_table import headline, sheet
from edict_cli.limiting import in_words
from edict_cli.output import Form
from edict_cli.publishing import Published
from edict_cli.signing import Difference
from edict_cli.verbs import sign as sign_verb
from edict_cli.verbs.publish import show
from tests.unit.cli.authors import NOW, MemoryHub
from tests.unit.cli.town import HERE, Town, follow, founded_by_two, key_of

WAIVER = """\
apiVersion: federation.edict.dev/v1alpha1
kind: Waiver
metadata: {name: hotfix}
spec:
  policy: net/nowhere
  clusters: {}
  reason: Ticket 4711.
  approver: Ann Other
  expires: "2026-05-03T18:00:00Z"
"""


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
    town.ada("sign", "--out", town.file)
    follow(town.bob, hub)
    shown = town.bob.json("sign", "--in", town.file, "--out", town.file, "--yes")["roles"]
    assert [(part["keys"], len(part["signed"]), part["here"]) for part in shown] == [
        ("present keys", 1, 1),
        ("new keys", 1, 0),
    ], "one key of Bob's gives both what they lack"
    shown = town.ada.json("sign", "--in", town.file)["roles"]
    assert [len(part["signed"]) for part in shown] == [2, 2]
    assert town.ada.publish(hub) == "published"


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


def test_a_key_that_is_not_plugged_in_is_named_by_where_it_was_put_on_record(town: Town) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    listed, stick = town.ada.folder / "keys" / "keys.yaml", town.papers / "stick.pem"
    listed.write_text(listed.read_text().replace("file:team-net.pem", f"file:{stick}"))
    said = town.ada.fails("EDICT0608", "sign", "-f", town.document("deny"))
    assert f"({stick})" in said
    assert "plug in" in said


def test_a_rotation_that_failed_after_its_key_was_named_can_be_run_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    other = town.papers / "other"
    town.bob("init", other, *HERE, "--team", "net", "--no-passphrase")
    rotate = ("trust", "rotate", "net", "--uri", f"file:{other}/keys/team-net.pem", "--no-passphrase")
    with monkeypatch.context() as failing:
        failing.setattr(trusting, "arrange", refuse)
        town.ada.fails("EDICT0607", *rotate)
    assert "changed  role policies/net" in town.ada(*rotate)
    town.ada.fails("EDICT0636", *rotate)


def refuse(*_: object, **__: object) -> None:
    raise UsageError(Code.PASSPHRASE, "no PIN was given")


def test_a_dropped_rotation_leaves_the_hub_s_key_as_it_is_published(town: Town) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    key, old = (town.ada.folder / "hub" / name for name in ("timestamp.pem", "timestamp.old.pem"))
    published = key.read_bytes()
    town.ada("trust", "rotate", "timestamp")
    town.ada("trust", "rotate", "timestamp")
    assert key.read_bytes() != published
    assert "timestamp.pem" in town.ada("sign", "--drop")
    assert key.read_bytes() == published
    assert not old.exists()
    hub = MemoryHub(town.ada.workspace)
    town.ada.publish(hub)
    town.ada("trust", "rotate", "timestamp")
    town.ada.publish(hub)
    new = key.read_bytes()
    assert "timestamp.pem" not in town.ada("sign", "--drop")
    assert key.read_bytes() == new != published, "what is published stays"


def test_a_change_of_the_ca_whose_root_was_dropped_goes_on(town: Town) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    hub = MemoryHub(town.ada.workspace)
    town.ada.publish(hub)
    town.ada("hub", "authority", "new")
    town.ada.fails("EDICT0640", "hub", "authority", "new")
    town.ada("sign", "--drop")
    assert "`edict hub authority new` lists" in town.ada("hub", "authority", "list")
    made = (town.ada.folder / "authority" / "next.crt").read_text()
    town.ada("hub", "authority", "new")
    assert (town.ada.folder / "authority" / "next.crt").read_text() == made
    town.ada.publish(hub)
    assert made in authorities.read(hub.roots[2])
    town.ada.fails("EDICT0640", "hub", "authority", "new")


def test_a_file_that_is_taken_a_second_time_says_that_nothing_may_be_left_to_do(town: Town) -> None:
    founded_by_two(town, "root")
    assert "published already" in town.ada.fails("EDICT0633", "sign", "--in", town.file)


def test_a_policy_is_not_signed_and_removed_at_once(town: Town) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    town.ada.fails("EDICT0601", "sign", "-f", town.document("deny"), "--remove", "net/deny")


def test_a_waiver_of_no_policy_is_told_where_policies_are_listed(town: Town) -> None:
    hub = founded_by_two(town)
    town.ada("trust", "delegate", "waivers", "--no-passphrase")
    town.papers.joinpath("waiver.yaml").write_text(WAIVER)
    assert "edict get policies" in town.ada("sign", "-f", town.papers / "waiver.yaml")
    assert hub.verified.release == 0


@pytest.mark.parametrize(("code", "told"), [("EDICT0442", True), ("EDICT0207", True), ("EDICT0417", False)])
def test_a_hub_that_lost_releases_is_shown_with_the_way_back(code: str, *, told: bool) -> None:
    view = FleetView(1, None, "a", (), (FaultView("timestamp", code, "older than it was", NOW),))
    assert any("edict hub recover" in line for line in headline(view, NOW)) is told


def test_each_state_of_a_cluster_has_its_reason_beside_it() -> None:
    states = {
        "net/dns": (PolicyState.COMPLIANT, ""),
        "net/deny": (PolicyState.DRIFTED, "EDICT0556"),
        "net/egress": (PolicyState.DEGRADED, "EDICT0519"),
        "net/other": (PolicyState.DRIFTED, "EDICT0556"),
    }
    policies = tuple(PolicyView(name, state, code=code) for name, (state, code) in states.items())
    cluster = ClusterView("fra1", PolicyState.DEGRADED, policies=policies)
    view = FleetView(1, None, "a", (cluster,), ())
    assert sheet(view, NOW, wide=False).rows[0][-1] == "net/egress EDICT0519; net/deny EDICT0556"


def test_before_a_ban_is_given_nothing_is_said_to_be_cut_off(town: Town) -> None:
    town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase")
    said = town.ada.fails("EDICT0616", "cluster", "ban", "fra1", "--reason", "found")
    assert "A ban cuts fra1 off" in said


class Connected:
    """A hub as a context, as the command opens one."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub

    def __enter__(self) -> MemoryHub:
        return self._hub

    def __exit__(self, *_: object) -> None:
        """It stays as it is."""
