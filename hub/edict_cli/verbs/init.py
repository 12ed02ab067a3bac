"""`edict init`: a new federation's keys, trust root, certificates and hub configuration."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from edict.errors import UsageError
from edict_cli.codes import Code
from edict_cli.founding import Founding, found
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.keys import Keys
from edict_cli.store.secrets import new_passphrase
from edict_cli.store.settings import addresses
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.founding_options import (
    DOMAIN,
    Others,
    checked_domain,
    checked_teams,
    others_options,
    tell_missing,
    with_others,
)

DEFAULT_TEAM = "platform"


class Made(msgspec.Struct, frozen=True, rename="camel"):
    """What was made."""

    workspace: str
    trust_domain: str
    teams: tuple[str, ...]
    hub_config: str


@click.command("init", short_help="Make a new federation.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--trust-domain", required=True, help="Domain of every identity, such as bank.example.")
@click.option("--hub", required=True, help="HOST:PORT[,...] of the mutual TLS port, as agents reach it.")
@click.option("--enrol", required=True, help="HOST:PORT[,...] of the enrolment port.")
@click.option("--san", multiple=True, help="Another name or address for the hub's certificate; may be repeated.")
@click.option(
    "--team",
    "teams",
    multiple=True,
    help="A team that signs policies; may be repeated. Without it there is one, platform.",
)
@click.option("--etcd", default="embedded", show_default=True, help="embedded, or URL[,URL...] of etcd.")
@click.option("--offline-ca", is_flag=True, help="Keep a root CA with the keys; the hub gets a CA below it.")
@others_options
@click.option("--no-passphrase", is_flag=True, help="Leave the keys unencrypted.")
@forms()
@pass_session
def command(
    session: Session,
    *,
    folder: Path,
    trust_domain: str,
    hub: str,
    enrol: str,
    san: tuple[str, ...],
    teams: tuple[str, ...],
    etcd: str,
    keys: tuple[str, ...],
    thresholds: tuple[str, ...],
    without: tuple[str, ...],
    form: Form,
    offline_ca: bool,
    no_passphrase: bool,
) -> None:
    """Make a new federation in DIR: authors' keys, trust root, hub CA, and the folder that goes to the hub.

    Keys are encrypted with EDICT_PASSPHRASE, or with a passphrase asked for twice. DIR must be new or empty. With --key
    and --threshold others found it too; they sign what waits for them, as `edict trust init -h` shows.

    \b
    Examples:
      edict init edict --trust-domain bank.example --hub hub.bank.example:8443 \\
                       --enrol hub.bank.example:8444 --team payments --team platform
      edict init try --trust-domain try.example --hub localhost:8443 --enrol localhost:8444 --team me
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    hubs, enrols = addresses(hub, where="--hub"), addresses(enrol, where="--enrol")
    hosts = tuple(dict.fromkeys([*(address.host for address in (*hubs, *enrols)), *map(_checked_san, san)]))
    asked = Founding(
        checked_domain(trust_domain),
        hubs,
        enrols,
        hosts,
        checked_teams(teams or (DEFAULT_TEAM,)),
        _checked_etcd(etcd),
        offline_ca=offline_ca,
    )
    asked = with_others(asked, Others(keys, thresholds, without))
    passphrase = new_passphrase(session, none=no_passphrase)
    with progress("making keys"):
        found(folder, asked, Keys(folder / "keys", session), passphrase, session.now())
    data = Made(str(folder), trust_domain, asked.teams, str(folder / "hub" / "hub.yaml"))
    emit(
        form, data, Sheet(["workspace", "trust domain", "teams"], [[str(folder), trust_domain, ",".join(asked.teams)]])
    )
    if not teams:
        note(f"Policies are signed by one team, {DEFAULT_TEAM}; `edict trust delegate` adds others.")
    if not Workspace(Session(folder, clock=session.clock)).repository.founded:
        tell_missing(folder)
        return
    note(
        f"Next: copy {folder}/hub to the hub and start it there: edict-hub serve --config hub.yaml\n"
        f"      keep {folder}/keys offline; whoever has them writes policy\n"
        f"      edict -C {folder} cluster add NAME --plugin cilium|calico --label env=prod\n"
        f"      edict -C {folder} publish"
    )


def _checked_san(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if DOMAIN.fullmatch(host) is None:
        raise UsageError(
            Code.NAME, f"{host!r} is no host name or address", where="--san", remedy="write it like hub.bank.example"
        )
    return host


def _checked_etcd(text: str) -> str:
    if text == "embedded":
        return text
    for endpoint in text.split(","):
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(
                Code.ADDRESS,
                f"{endpoint!r} is no etcd endpoint",
                where="--etcd",
                remedy="write embedded, or URLs such as https://etcd-0.bank.example:2379 separated by commas",
            )
    return text
