"""`edict trust delegate`: teams, the role of waivers, and what they may say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from edict.errors import UsageError
from edict.policy.model import LabelSelector
from edict.trust import limits
from edict.trust.holding import ROOT_ROLES, Holding
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.roles import FLAT, WAIVERS
from edict_cli import public_keys, trusting
from edict_cli.arguments import labels
from edict_cli.codes import Code
from edict_cli.output import Form, forms
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.trust_done import role_of, tell
from edict_cli.verbs.trust_keys import new_key

_RANGE = re.compile(r"([0-9]{1,4})-([0-9]{1,4})")
LIFTED = {
    "tier": "tiers",
    "priority": "priorities",
    "action": "actions",
    "cluster-selector": "clusters",
    "namespace": "namespaces",
    "max-days": "maxDays",
    "policy": "policies",
}
OF_WAIVERS = {"max_days", "policy"}


@click.command("delegate", short_help="Add a team, change its limits, or remove it.")
@click.argument("team")
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A public key, PEM; repeatable.")
@click.option("--uri", help="A key of this workspace, as `edict trust key -h` says.")
@click.option("--threshold", type=click.IntRange(1), help="How many of the keys must sign; 1 for a new team.")
@click.option("--tier", multiple=True, type=click.Choice(["Admin", "Baseline"]), help="Allow this tier alone.")
@click.option("--priority", metavar="FIRST-LAST", help="Allow these priorities alone, such as 100-200.")
@click.option("--action", multiple=True, type=click.Choice(["Accept", "Deny", "Pass"]), help="Allow this action alone.")
@click.option("--cluster-selector", metavar="LABELS", help="Count on these clusters alone: key=value[,...].")
@click.option("--namespace", multiple=True, help="Narrow every subject to these namespaces; repeatable.")
@click.option("--max-days", type=click.IntRange(1), help="waivers: how far ahead one may end.")
@click.option("--policy", multiple=True, metavar="TEAM/NAME", help="waivers: what may be waived; TEAM/* is all of it.")
@click.option("--lift", multiple=True, type=click.Choice([*LIFTED, "all"]), help="Take a limit away; repeatable.")
@click.option("--remove", is_flag=True, help="Take the team away, with its policies.")
@click.option("--no-passphrase", is_flag=True, help="Leave a new key unencrypted.")
@forms()
@pass_session
def delegate(
    session: Session,
    /,
    *,
    team: str,
    keys: tuple[Path, ...],
    uri: str | None,
    threshold: int | None,
    remove: bool,
    lift: tuple[str, ...],
    form: Form,
    no_passphrase: bool,
    **limited: Any,
) -> None:
    """Let TEAM sign policies, within limits that every agent enforces; or change the limits of TEAM.

    A new team has the keys given with --key, or one that is made here. Limits that are not named stay as they are.
    Tier, priority and action refuse a policy that is beyond them; cluster selector and namespaces narrow it.
    TEAM may be `waivers`, the role that signs waivers; inventory and waivers cannot be removed.

    \b
    Examples:
      edict trust delegate payments --key ada.pub --key bob.pub --threshold 2
      edict trust delegate payments --tier Admin --priority 100-200 --action Deny --namespace payments
      edict trust delegate payments --lift priority
      edict trust delegate waivers --key carol.pub --max-days 30 --policy 'payments/*'
      edict trust delegate payments --remove
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace, role = Workspace(session), _role(team)
    asked = {name: value for name, value in limited.items() if value}
    if remove and (keys or uri or threshold or lift or asked):
        raise UsageError(
            Code.COMMAND_LINE, "--remove stands alone", where="edict trust delegate", remedy="leave the rest out"
        )
    _check_kind(role, asked)
    with workspace.locked():
        present = trusting.present(workspace).get(role)
        if remove:
            trusting.holding_of(workspace, role)
            trusting.arrange(workspace, {role: None})
        else:
            allowed = _limits(present.limits if present else UNLIMITED, asked, lift)
            holding = _holding(workspace, role, present, keys, uri, no_passphrase=no_passphrase)
            wanted = threshold or (present.threshold if present else 1)
            trusting.arrange(workspace, {role: replace(holding, threshold=wanted, limits=allowed)})
    tell(workspace, form, [role])


def _role(text: str) -> str:
    if text in {*ROOT_ROLES, *FLAT} - {WAIVERS}:
        raise UsageError(
            Code.ROLE,
            f"{text} is no team, and is not delegated away",
            where="TEAM",
            remedy=f"its keys: `edict trust add-key {text}`, `rotate {text}`, `remove-key {text}`",
        )
    return role_of(text)


def _holding(
    workspace: Workspace,
    role: str,
    present: Holding | None,
    keys: Sequence[Path],
    uri: str | None,
    *,
    no_passphrase: bool,
) -> Holding:
    given = [public_keys.read(path) for path in keys]
    if uri is not None or (present is None and not given):
        given.append(new_key(workspace, role, given=None, uri=uri, no_passphrase=no_passphrase))
    if present is None:
        return Holding(tuple(given))
    known = set(present.keyids)
    return replace(present, keys=(*present.keys, *(key for key in given if key.keyid not in known)))


def _limits(present: Limits, asked: Mapping[str, Any], lift: Sequence[str]) -> Limits:
    plain = limits.to_plain(present)
    for name in LIFTED if "all" in lift else lift:
        plain.pop(LIFTED[name], None)
    names = {"tier": "tiers", "action": "actions", "namespace": "namespaces", "policy": "policies"}
    plain |= {field: list(asked[name]) for name, field in names.items() if name in asked}
    if "max_days" in asked:
        plain["maxDays"] = asked["max_days"]
    if "cluster_selector" in asked:
        selector = LabelSelector(match_labels=labels(asked["cluster_selector"].split(","), where="--cluster-selector"))
        plain["clusters"] = msgspec.to_builtins(selector)
    if "priority" in asked:
        found = _RANGE.fullmatch(asked["priority"])
        if found is None:
            raise _no_limits(f"{asked['priority']!r} is no range of priorities")
        plain["priorities"] = {"first": int(found[1]), "last": int(found[2])}
    try:
        return limits.from_plain(plain)
    except msgspec.ValidationError as error:
        raise _no_limits(str(error)) from None


def _no_limits(why: str) -> UsageError:
    return UsageError(
        Code.COMMAND_LINE,
        f"these are no limits: {why}",
        where="edict trust delegate",
        remedy="a range of priorities is FIRST-LAST within 0-1000; see `edict trust delegate -h`",
    )


def _check_kind(role: str, asked: Mapping[str, Any]) -> None:
    """Refuse a limit that the role cannot have, by the name of its option."""
    wrong = sorted(asked.keys() - OF_WAIVERS if role == WAIVERS else asked.keys() & OF_WAIVERS)
    if wrong:
        raise UsageError(
            Code.ROLE,
            f"--{wrong[0].replace('_', '-')} is a limit of {'teams' if role == WAIVERS else WAIVERS} alone",
            where=role,
            remedy="leave it out; see `edict trust delegate -h`",
        )
