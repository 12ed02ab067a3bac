"""`edict trust init`: found the trust of a federation alone, or make the workspace of one more author."""

from __future__ import annotations

from pathlib import Path

import click

from edict.errors import UsageError
from edict_cli.codes import Code
from edict_cli.founding import Founding, found
from edict_cli.joining import join
from edict_cli.output import note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store import files
from edict_cli.store.keys import Keys
from edict_cli.store.secrets import new_passphrase
from edict_cli.store.settings import Settings, addresses
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.founding_options import (
    Others,
    checked_domain,
    checked_teams,
    others_options,
    tell_missing,
    with_others,
)


@click.command("init", short_help="Found the trust of a federation, or join one.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--trust-domain", required=True, help="Domain of every identity, such as bank.example.")
@click.option("--hub", required=True, help="HOST:PORT[,...] of the mutual TLS port.")
@click.option("--enrol", required=True, help="HOST:PORT[,...] of the enrolment port.")
@click.option("--team", "teams", multiple=True, help="A team that signs policies; repeatable.")
@others_options
@click.option("--join", "joining", is_flag=True, help="Make a workspace without keys for a federation of others.")
@click.option("--root", type=click.Path(path_type=Path), help="With --join: its trust root, root.json, if it has one.")
@click.option("--no-passphrase", is_flag=True, help="Leave the keys unencrypted.")
@pass_session
def init(
    session: Session,
    *,
    folder: Path,
    trust_domain: str,
    hub: str,
    enrol: str,
    teams: tuple[str, ...],
    keys: tuple[str, ...],
    thresholds: tuple[str, ...],
    without: tuple[str, ...],
    root: Path | None,
    joining: bool,
    no_passphrase: bool,
) -> None:
    """Found the trust of a federation in DIR: keys, thresholds, roles and trust root, without a hub's certificates.

    `edict init` makes those too, and takes the same options. Where a threshold needs others, version 1 waits for their
    signatures: they join with --join, and sign the file that `edict sign --out` writes. Whoever has the hub's folder
    imports the last signature; what stands there then is what every agent pins.

    \b
    Two founders, each of whom must sign every root:
      bob$ edict trust init bob --join --trust-domain bank.example --hub h:8443 --enrol h:8444
      bob$ edict -C bob trust key root > bob.pub
      ada$ edict trust init ada --trust-domain bank.example --hub h:8443 --enrol h:8444 --team net \\
             --key root=bob.pub --threshold root=2
      ada$ edict -C ada sign --out founding.edict
      bob$ edict -C bob sign --in founding.edict --out founding.edict
      ada$ edict -C ada sign --in founding.edict
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    at, enrols = addresses(hub, where="--hub"), addresses(enrol, where="--enrol")
    names = checked_teams(teams)
    if joining:
        if keys or thresholds or without:
            raise UsageError(
                Code.COMMAND_LINE, "who joins says nothing of keys", where="--join", remedy="leave them out"
            )
        written = Settings(checked_domain(trust_domain), hub, enrol, names[0] if len(names) == 1 else "")
        join(folder, written, None if root is None else files.read(root))
        note(f"Next: edict -C {folder} trust key ROLE > my.pub, and send my.pub to those who decide about the role")
        return
    if root is not None:
        raise UsageError(Code.COMMAND_LINE, "--root is for --join", where="--root", remedy="say --join too")
    asked = Founding(checked_domain(trust_domain), at, enrols, (), names, "embedded", with_hub=False)
    asked = with_others(asked, Others(keys, thresholds, without))
    passphrase = new_passphrase(session, none=no_passphrase)
    with progress("making keys"):
        found(folder, asked, Keys(folder / "keys", session), passphrase, session.now())
    if Workspace(Session(folder, clock=session.clock)).repository.founded:
        note(f"Founded. {folder}/hub has the timestamp key and the trust root for the hub.")
    else:
        tell_missing(folder)
