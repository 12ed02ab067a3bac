"""What authors may change of who signs what, verified as an agent would that has pinned the first root alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, Snapshot, Targets

from edict.errors import TrustError
from edict.policy.model import Tier
from edict.policy.parse import load_one
from edict.trust import authoring, verify
from edict.trust.cosigning import Signing, encoded, kept
from edict.trust.describing import Change
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import Holding, holdings_of
from edict.trust.limits import Limits
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from edict.trust.state import Bundle, TrustState
from edict.trust.timestamp import sign_timestamp
from tests.unit.trust.federation import NOW, policy, signer

NET = "policies/net"


class Authors:
    """Signers by role, the newest release, and one agent that follows from the first root."""

    def __init__(self, **thresholds: tuple[int, int]) -> None:
        """Found a federation; a role's ``(number of keys, threshold)`` is (1, 1) where it is not given."""
        roles = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP, INVENTORY, NET)
        self.signers: dict[str, list[Signer]] = {}
        holdings: dict[str, Holding] = {}
        for role in roles:
            number, threshold = thresholds.get(role.rpartition("/")[2], (1, 1))
            self.signers[role] = [signer() for _ in range(number)]
            holdings[role] = Holding(tuple(one.public_key for one in self.signers[role]), threshold)
        self.base = Base()
        self.state: TrustState | None = None
        self.release = 0
        self.timestamp = 0
        self.sent = 0
        self.publish(Wish(holdings))

    def drafted(self, wish: Wish) -> dict[str, bytes]:
        return {role: encoded(made) for role, made in draft(self.base, wish, NOW).items()}

    def sealed(self, files: Mapping[str, bytes], signers: Mapping[str, Sequence[Signer]]) -> dict[str, bytes]:
        signing = Signing(self.base, files)
        return {role: signing.signed(role, data, signers.get(signing.owner(role), ())) for role, data in files.items()}

    def publish(self, wish: Wish, signers: Mapping[str, Sequence[Signer]] | None = None) -> dict[str, bytes]:
        """Sign a wish with all keys, or those given, and let the agent verify what comes of it."""
        files = self.sealed(self.drafted(wish), signers or self.signers)
        self.send(files)
        return files

    def send(self, files: Mapping[str, bytes], *, carry: bool = True) -> None:
        root = files.get(ROOT, self.base.root)
        assert root is not None
        named = holdings_of(
            None, Metadata.from_bytes(files[TARGETS]).signed if TARGETS in files else self.base.read(TARGETS)
        )
        targets = {**self.base.targets, **{role: data for role, data in files.items() if role != ROOT}}
        alive = {role: data for role, data in targets.items() if self._alive(role, targets, named)}
        held = self.state.snapshot if self.state else None
        before = Metadata[Snapshot].from_bytes(held).signed if held and carry else None
        drafted = authoring.draft_snapshot(alive, version=self.release + 1, now=NOW, before=before)
        for one in self.signers[SNAPSHOT]:
            drafted.sign(one, append=True)
        stamp = sign_timestamp(
            self.signers[TIMESTAMP][-1], encoded(drafted), version=self.timestamp + 1, expires=NOW.replace(year=2027)
        )
        roots = (root,) if ROOT in files else ()
        pinned = self.state or verify.pin(root)
        bundle = Bundle(roots, stamp, encoded(drafted), files)
        self.sent = len(stamp) + len(encoded(drafted)) + sum(map(len, files.values()))
        self.state = verify.advance(pinned, bundle, now=NOW)
        self.release, self.timestamp = self.release + 1, self.timestamp + 1
        versions = {name.removesuffix(".json"): meta.version for name, meta in drafted.signed.meta.items()}
        self.base = Base(root, self.state.targets, versions)

    @staticmethod
    def _alive(role: str, targets: Mapping[str, bytes], named: Mapping[str, Holding]) -> bool:
        if role == TARGETS or role in named:
            return True
        for team in named:
            if team in targets and role.startswith(f"{team}-"):
                delegations = Metadata[Targets].from_bytes(targets[team]).signed.delegations
                if delegations and delegations.succinct_roles and delegations.succinct_roles.is_delegated_role(role):
                    return True
        return False

    @property
    def held(self) -> dict[str, Holding]:
        return self.base.holdings()


def put(name: str, **fields: Any) -> Change:
    content = policy(name, **fields)
    return Change(f"{NET}/{name}", content, load_one(content, name))


def many(count: int, start: int = 0) -> tuple[Change, ...]:
    selector = "{matchLabels: {env: prod, region: eu}}"
    return tuple(put(f"deny-metadata-{number:05d}", selector=selector) for number in range(start, start + count))


def documents(authors: Authors) -> set[str]:
    assert authors.state is not None
    return set(authors.state.documents)


def test_two_of_three_sign_and_one_does_not_do() -> None:
    authors = Authors(net=(3, 2))
    files = authors.drafted(Wish(changes=[put("deny")]))
    one = authors.sealed(files, {NET: authors.signers[NET][:1]})
    (role,) = one
    assert [(item.role, len(item.signed), item.threshold) for item in Signing(authors.base, one).lacking(one)] == [
        (role, 1, 2)
    ]
    with pytest.raises(TrustError, match="EDICT0202"):
        authors.send(one)
    other = authors.sealed(files, {NET: authors.signers[NET][2:]})
    signing = Signing(authors.base, one)
    merged = {role: signing.merged(role, one[role], other[role])}
    assert signing.lacking(merged) == ()
    authors.send(merged)
    assert documents(authors) == {f"{NET}/deny"}


def test_a_signature_of_a_stranger_is_not_merged_and_a_spoilt_one_neither() -> None:
    authors = Authors(net=(2, 2))
    files = authors.drafted(Wish(changes=[put("deny")]))
    mine = authors.sealed(files, {NET: authors.signers[NET][:1]})
    (role,) = mine
    stranger: Metadata[Targets] = Metadata.from_bytes(files[role])
    stranger.sign(signer())
    signing = Signing(authors.base, mine)
    assert signing.merged(role, mine[role], stranger.to_bytes()) == mine[role]
    spoilt: Metadata[Targets] = Metadata.from_bytes(files[role])
    good = spoilt.sign(authors.signers[NET][1])
    good.signature = ("0" if good.signature[0] != "0" else "1") + good.signature[1:]
    assert signing.merged(role, mine[role], spoilt.to_bytes()) == mine[role]


def test_no_more_signatures_than_are_needed_are_added() -> None:
    authors = Authors(net=(3, 2))
    files = authors.sealed(authors.drafted(Wish(changes=[put("deny")])), authors.signers)
    assert [len(Metadata[Targets].from_bytes(data).signatures) for data in files.values()] == [2]


def test_a_draft_made_again_later_keeps_its_signatures() -> None:
    authors = Authors()
    wish = Wish(changes=[put("deny")])
    signed = authors.sealed(authors.drafted(wish), authors.signers)
    later = draft(authors.base, wish, NOW.replace(day=3))
    assert {role: kept(made, signed[role], role) for role, made in later.items()} == signed
    other = draft(authors.base, Wish(changes=[put("deny", priority=11)]), NOW)
    assert all(kept(made, signed[role], role) != signed[role] for role, made in other.items())


def test_a_team_comes_goes_and_comes_again() -> None:
    authors = Authors()
    authors.publish(Wish(changes=[put("deny")]))
    authors.signers["policies/pay"] = [signer()]
    pay = Holding((authors.signers["policies/pay"][0].public_key,), limits=Limits(tiers=(Tier.ADMIN,)))
    authors.publish(Wish({"policies/pay": pay}))
    first = authors.base.versions["policies/pay-0"]
    assert authors.held["policies/pay"] == pay
    authors.publish(Wish({"policies/pay": None}))
    assert authors.base.versions["policies/pay-0"] == first
    assert "policies/pay-0" not in authors.base.targets
    authors.publish(Wish({"policies/pay": pay}))
    assert authors.base.versions["policies/pay-0"] == first + 1
    assert documents(authors) == {f"{NET}/deny"}


def test_a_removed_team_must_stay_in_the_snapshot() -> None:
    """The positive control: without what draft_snapshot carries forward, agents refuse the release."""
    authors = Authors()
    files = authors.sealed(authors.drafted(Wish({NET: None})), authors.signers)
    with pytest.raises(TrustError, match="EDICT0207"):
        authors.send(files, carry=False)
    authors.send(files)


def test_limits_come_and_go() -> None:
    authors = Authors()
    limited = replace(authors.held[NET], limits=Limits(tiers=(Tier.BASELINE,)))
    made = authors.publish(Wish({NET: limited}))
    assert set(made) == {TARGETS}
    assert authors.held[NET] == limited
    made = authors.publish(Wish({NET: replace(limited, limits=Limits())}))
    assert b"x-edict-limits" not in made[TARGETS]


@pytest.mark.parametrize("role", [ROOT, TARGETS, SNAPSHOT, TIMESTAMP, INVENTORY, NET])
def test_the_key_of_every_role_can_be_replaced(role: str) -> None:
    authors = Authors()
    authors.publish(Wish(changes=[put("deny")]))
    old, new = authors.signers[role], [signer()]
    authors.signers[role] = [*old, *new]
    made = authors.publish(Wish({role: Holding((new[0].public_key,))}))
    assert (ROOT in made) == (role in {ROOT, TARGETS, SNAPSHOT, TIMESTAMP})
    assert documents(authors) == {f"{NET}/deny"}
    authors.signers[role] = new
    authors.publish(Wish(changes=[put("deny", priority=20)]))
    if role == NET:
        files = authors.drafted(Wish(changes=[put("deny", priority=30)]))
        forged = {name: resigned(data, old[0]) for name, data in files.items()}
        with pytest.raises(TrustError, match="EDICT0202"):
            authors.send(forged)


def resigned(data: bytes, by: Signer) -> bytes:
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    metadata.sign(by)
    return encoded(metadata)


def test_a_new_root_needs_the_old_threshold_and_the_new_one() -> None:
    authors = Authors(root=(3, 2))
    new = [signer(), signer()]
    wish = Wish({ROOT: Holding(tuple(one.public_key for one in new), 2)})
    files = authors.drafted(wish)
    for signers, missing in (
        (new, [(0, 2)]),
        (authors.signers[ROOT][:2], [(0, 2)]),
        ([*authors.signers[ROOT][:2], new[0]], [(1, 2)]),
    ):
        part = authors.sealed(files, {ROOT: signers})
        assert [(len(one.signed), one.threshold) for one in Signing(authors.base, part).lacking(part)] == missing
        with pytest.raises(TrustError, match="EDICT0202"):
            authors.send(part)
    authors.send(authors.sealed(files, {ROOT: [*authors.signers[ROOT][:2], *new]}))
    assert authors.state is not None
    assert authors.state.root_version == 2


def test_adding_a_key_signs_nothing_again_and_taking_the_signer_away_does() -> None:
    authors = Authors()
    second = signer()
    authors.signers[NET].append(second)
    both = Holding((*authors.held[NET].keys, second.public_key))
    made = authors.publish(Wish({NET: both}))
    assert set(made) == {TARGETS, NET}
    made = authors.publish(Wish({NET: Holding((second.public_key,))}))
    assert len(made) == 2 + 16


def test_a_role_is_renewed_before_it_expires() -> None:
    authors = Authors()
    for role, number in ((ROOT, 1), (TARGETS, 1), (INVENTORY, 1), (NET, 17)):
        assert len(authors.publish(Wish(renew=frozenset({role})))) == number


def test_fields_of_the_root_are_kept_and_changed() -> None:
    authors = Authors()
    made = authors.publish(Wish(root_fields={"x-edict-test": ["a"]}))
    assert set(made) == {ROOT}
    authors.signers[TARGETS].append(signer())
    authors.publish(Wish({TARGETS: Holding((authors.signers[TARGETS][1].public_key,))}))
    assert authors.base.root is not None
    assert Metadata[Root].from_bytes(authors.base.root).signed.unrecognized_fields == {"x-edict-test": ["a"]}
    made = authors.publish(Wish(root_fields={"x-edict-test": None}))
    assert b"x-edict-test" not in made[ROOT]


def test_what_changes_nothing_makes_nothing() -> None:
    authors = Authors()
    authors.publish(Wish(changes=[put("deny")]))
    assert draft(authors.base, Wish(authors.held, [put("deny")]), NOW) == {}


def test_lists_in_placements_and_limits_are_no_change_once_they_were_read() -> None:
    authors = Authors()
    change = put("deny", selector="{matchExpressions: [{key: env, operator: In, values: [dev, prod]}]}")
    held = replace(authors.held[NET], limits=Limits(namespaces=("a", "b")))
    authors.publish(Wish({NET: held}, [change]))
    assert draft(authors.base, Wish({NET: held}, [change]), NOW) == {}
    twice = [
        encoded(made) for _ in range(2) for made in draft(authors.base, Wish(renew=frozenset({NET})), NOW).values()
    ]
    assert twice[:17] == twice[17:]


def test_a_threshold_that_cannot_be_met_is_refused() -> None:
    key = signer().public_key
    for keys, threshold, code in (((key,), 2, "EDICT0216"), ((), 1, "EDICT0216"), ((key,), 0, "EDICT0216")):
        with pytest.raises(TrustError, match=code):
            Holding(keys, threshold)
    with pytest.raises(TrustError, match="EDICT0203"):
        Holding((key, key), 2)


@pytest.mark.parametrize("name", ["net-4", "net-4f", "net-3ff"])
def test_a_team_cannot_have_the_name_of_a_bin_of_any_size(name: str) -> None:
    authors = Authors()
    with pytest.raises(TrustError, match="EDICT0214"):
        draft(authors.base, Wish({f"policies/{name}": Holding((signer().public_key,))}), NOW)
    draft(authors.base, Wish({"policies/net-4fff": Holding((signer().public_key,))}), NOW)


@pytest.mark.parametrize("role", ["../../outside", "policies/../x", "policies/A", "rollouts", "policies/net/x", ""])
def test_a_role_that_no_agent_knows_is_not_delegated(role: str) -> None:
    authors = Authors()
    with pytest.raises(TrustError, match="EDICT0214"):
        draft(authors.base, Wish({role: Holding((signer().public_key,))}), NOW)


def test_the_inventory_cannot_be_limited() -> None:
    authors = Authors()
    limited = replace(authors.held[INVENTORY], limits=Limits(tiers=(Tier.ADMIN,)))
    with pytest.raises(TrustError, match="EDICT0214"):
        draft(authors.base, Wish({INVENTORY: limited}), NOW)


def test_one_change_among_ten_thousand_costs_less_than_64_kb_and_bins_come_again_at_higher_versions() -> None:
    authors = Authors()
    sizes, reborn = [], False
    for start, end in ((0, 100), (100, 1_000), (1_000, 2_000), (2_000, 10_000)):
        before = dict(authors.base.versions)
        authors.publish(Wish(changes=many(end - start, start)))
        authors.publish(Wish(changes=[put("deny-metadata-00007", priority=start % 900 + 11)]))
        assert all(authors.base.versions[role] >= version for role, version in before.items())
        reborn |= any(role.startswith(f"{NET}-0") and authors.base.versions[role] > 2 for role in before)
        delegator = authors.base.read(NET)
        assert delegator is not None
        assert delegator.delegations is not None
        assert delegator.delegations.succinct_roles is not None
        sizes.append((end, delegator.delegations.succinct_roles.number_of_bins, authors.sent))
    assert [bins for _, bins, _ in sizes] == [16, 32, 64, 128], sizes
    assert reborn
    assert sizes[-1][2] + len(policy("deny-metadata-00007")) <= 64_000, sizes
    assert len(documents(authors)) == 10_000
