"""`edict trust key|rotate|add-key|remove-key|threshold|renew`: the keys of one role."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from securesystemslib.signer import Key

from edict.errors import TrustError, UsageError
from edict.trust.codes import Code as Trust
from edict.trust.holding import Holding, fingerprint
from edict.trust.roles import TIMESTAMP
from edict_cli import public_keys, trusting
from edict_cli.codes import Code
from edict_cli.output import Form, forms, note
from edict_cli.session import Session, pass_session
from edict_cli.store.secrets import new_passphrase
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.trust_done import role_of, tell

key_option = click.option(
    "--key", "given", type=click.Path(path_type=Path), help="A public key that another author sent, PEM."
)
uri_option = click.option("--uri", help="A key that is there: file:PATH, hsm:..., awskms:..., as `edict trust key -h`.")
plain_option = click.option("--no-passphrase", is_flag=True, help="Leave a new key unencrypted.")
threshold_option = click.option("--threshold", type=click.IntRange(1), help="How many keys must sign from then on.")


def new_key(workspace: Workspace, role: str, *, given: Path | None, uri: str | None, no_passphrase: bool) -> Key:
    """Return the public half of a key for a role: given, found by a URI, or made here.

    Raises:
        UsageError: EDICT0601, 0607, 0636.
        TrustError: EDICT0230 to 0235.
    """
    if given is not None and uri is not None:
        raise UsageError(Code.COMMAND_LINE, "--key and --uri are two keys", where=role, remedy="give one of them")
    if given is not None:
        return public_keys.read(given)
    if role == TIMESTAMP:
        return trusting.new_timestamp_key(workspace)
    if uri is None:
        return workspace.keys.create(role, new_passphrase(workspace.session, none=no_passphrase))
    found, public = workspace.keys.look_up(uri)
    if not workspace.keys.has(role, found, public):
        workspace.keys.add(role, found, public)
    return public


def _check_new(holding: Holding, role: str, public: Key) -> None:
    if public.keyid in holding.keyids:
        raise UsageError(
            Code.KEY, f"{fingerprint(public)} is a key of {role} already", where=role, remedy="name another one"
        )


def below_keys(role: str, threshold: int, keys: int) -> TrustError:
    """Return EDICT0216: a role would need more signatures than it has keys."""
    return TrustError(
        Trust.THRESHOLD,
        f"{threshold} would have to sign, and it would have {keys} {'key' if keys == 1 else 'keys'}",
        where=role,
        remedy="add keys first with `edict trust add-key`, or ask for fewer",
    )


@click.command("key", short_help="Make a key, or name one, and print its public half.")
@click.argument("role")
@uri_option
@plain_option
@pass_session
def key(session: Session, *, role: str, uri: str | None, no_passphrase: bool) -> None:
    """Make a key for ROLE in this workspace, or name one with --uri, and print its public half for other authors.

    Nothing signs with it until the holders of the role's own delegator add it: `edict trust add-key ROLE --key FILE`.
    A URI is file:PATH, hsm:ID?label=TOKEN (PKCS#11; PYKCS11LIB names the module), awskms:ID, gcpkms:NAME,
    azurekms://VAULT/keys/NAME, hv:NAME.

    \b
    Example:
      edict trust key root > ada.pub
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace, role = Workspace(session), role_of(role)
    if role == TIMESTAMP:
        raise UsageError(Code.ROLE, "the hub signs timestamps", where=role, remedy="edict trust rotate timestamp")
    with workspace.locked():
        public = new_key(workspace, role, given=None, uri=uri, no_passphrase=no_passphrase)
    click.echo(public_keys.pem(public).decode(), nl=False)
    note(f"{fingerprint(public)} is a key of this workspace for {role}. Send the printed public key to its delegators.")


@click.command("rotate", short_help="Replace a key of a role.")
@click.argument("role")
@key_option
@uri_option
@click.option("--retire", multiple=True, metavar="FINGERPRINT", help="The key to replace; repeatable.")
@plain_option
@forms()
@pass_session
def rotate(
    session: Session,
    *,
    role: str,
    given: Path | None,
    uri: str | None,
    retire: tuple[str, ...],
    form: Form,
    no_passphrase: bool,
) -> None:
    """Replace the key of ROLE that is here, or those named with --retire, by a new one.

    A new root is signed by the old and by the new threshold. What the replaced key signed is signed again by the new
    one where that is here. A replaced key is remembered, and refused when somebody adds it again.

    \b
    Examples:
      edict trust rotate payments
      edict trust rotate root --uri 'hsm:2?label=root'
      edict trust rotate timestamp          then bring the new key to the hub, as is said
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace, role = Workspace(session), role_of(role)
    with workspace.locked():
        holding = trusting.holding_of(workspace, role)
        gone = trusting.replaced(workspace, role, retire)
        public = new_key(workspace, role, given=given, uri=uri, no_passphrase=no_passphrase)
        _check_new(holding, role, public)
        kept = tuple(each for each in holding.keys if each not in gone)
        trusting.arrange(workspace, {role: replace(holding, keys=(*kept, public))})
    tell(workspace, form, [role])
    if role == TIMESTAMP and given is None:
        note(
            f"Bring the new key to the hub: copy {workspace.hub}/{trusting.TIMESTAMP_KEY} over the hub's own, restart "
            "its replicas, then publish at once: until then they cannot renew the timestamp, which lasts a day. "
            "So collect missing signatures first. "
            f"The old key is {workspace.hub}/{trusting.OLD_TIMESTAMP_KEY}; delete it once the release is published."
        )


@click.command("add-key", short_help="Add a key to a role.")
@click.argument("role")
@key_option
@uri_option
@threshold_option
@plain_option
@forms()
@pass_session
def add_key(
    session: Session,
    *,
    role: str,
    given: Path | None,
    uri: str | None,
    threshold: int | None,
    form: Form,
    no_passphrase: bool,
) -> None:
    """Add a key to ROLE: another author's public key, one named by its URI, or a new one that is made here.

    \b
    Example:
      edict trust add-key root --key ada.pub --threshold 2
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace, role = Workspace(session), role_of(role)
    with workspace.locked():
        holding = trusting.holding_of(workspace, role)
        if threshold is not None and threshold > len(holding.keys) + 1:
            raise below_keys(role, threshold, len(holding.keys) + 1)  # before a key is made for nothing
        public = new_key(workspace, role, given=given, uri=uri, no_passphrase=no_passphrase)
        _check_new(holding, role, public)
        wanted = replace(holding, keys=(*holding.keys, public), threshold=threshold or holding.threshold)
        trusting.arrange(workspace, {role: wanted})
    tell(workspace, form, [role])


@click.command("remove-key", short_help="Take a key out of a role.")
@click.argument("role")
@click.argument("print_", metavar="FINGERPRINT")
@threshold_option
@forms()
@pass_session
def remove_key(session: Session, *, role: str, print_: str, threshold: int | None, form: Form) -> None:
    """Take the key with FINGERPRINT, or with one that begins so, out of ROLE; never below the role's threshold."""
    workspace, role = Workspace(session), role_of(role)
    with workspace.locked():
        trusting.arrange(workspace, {role: trusting.without_key(workspace, role, print_, threshold)})
    tell(workspace, form, [role])


@click.command("threshold", short_help="Change how many keys of a role must sign.")
@click.argument("role")
@click.argument("number", type=click.IntRange(1))
@forms()
@pass_session
def threshold(session: Session, *, role: str, number: int, form: Form) -> None:
    """Let NUMBER of the keys of ROLE sign from then on."""
    workspace, role = Workspace(session), role_of(role)
    with workspace.locked():
        holding = trusting.holding_of(workspace, role)
        if number > len(holding.keys):
            raise below_keys(role, number, len(holding.keys))
        trusting.arrange(workspace, {role: replace(holding, threshold=number)})
    tell(workspace, form, [role])


@click.command("renew", short_help="Sign a role again before it expires.")
@click.argument("role")
@forms()
@pass_session
def renew(session: Session, *, role: str, form: Form) -> None:
    """Sign the same metadata of ROLE for another year; of a team, its bins too."""
    workspace, role = Workspace(session), role_of(role)
    if role in {"snapshot", TIMESTAMP}:
        raise UsageError(Code.ROLE, f"{role} is renewed otherwise", where=role, remedy="run `edict publish --refresh`")
    with workspace.locked():
        trusting.holding_of(workspace, role)
        trusting.arrange(workspace, {}, renew=frozenset({role}))
    tell(workspace, form, [role])
