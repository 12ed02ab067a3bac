"""Files of documents without a workspace, folders too: all that can be read of them, and all that is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edict.errors import DocumentError, UsageError
from edict.policy.checks import PolicySource
from edict.policy.documents import ManagedCluster, Placement, Waiver
from edict.policy.findings import twice
from edict.policy.model import LabelSelector
from edict.policy.parse import Parsed, examine
from edict.policy.validate import policy_id
from edict_cli.codes import Code
from edict_cli.output import note, progress
from edict_cli.store import files

STDIN = "stdin"
SUFFIXES = frozenset({".yaml", ".yml", ".json"})
EVERYWHERE = Placement(LabelSelector())
"""What a bare upstream manifest is wrapped with where nothing is signed."""


@dataclass(frozen=True)
class Gathered:
    """What the files hold: valid documents, and an error for each that is not; ``files`` are their names."""

    files: list[str] = field(default_factory=list)
    policies: list[PolicySource] = field(default_factory=list)
    clusters: list[ManagedCluster] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    errors: list[DocumentError] = field(default_factory=list)


def gather(paths: Sequence[Path], team: str) -> Gathered:
    """Read every document of every file, in the order of the arguments; one fault hides no other.

    A folder is every YAML and JSON file in it and below, by name, hidden ones left out; ``-`` is standard input. A bare
    upstream manifest is a policy for every cluster.

    Raises:
        UsageError: EDICT0603 for a file that cannot be read, EDICT0618 where a folder has none.
    """
    found = Gathered()
    for path in expanded(paths):
        source = STDIN if path == Path("-") else str(path)
        found.files.append(source)
        data = sys.stdin.buffer.read() if source == STDIN else files.read(path)
        for each in examine(data, source, EVERYWHERE):
            _take(found, each, team)
    return found


def only_policies(paths: Sequence[Path], team: str, *, or_none: bool = False) -> list[PolicySource]:
    """Return every policy of the files; of errors all are told, and the last is raised.

    Args:
        paths: as for :func:`gather`.
        team: whose the policies are.
        or_none: whether there may be none.

    Raises:
        DocumentError: a document is wrong, or EDICT0151: two policies have one name.
        UsageError: EDICT0603, EDICT0618.
    """
    with progress("reading the policies"):
        found = gather(paths, team)
    errors = [*found.errors, *twice(found.policies)]
    for error in errors[:-1]:
        note(str(error))
    if errors:
        raise errors[-1]
    where = ", ".join(STDIN if path == Path("-") else str(path) for path in paths)
    if count := len(found.clusters) + len(found.waivers):
        said = "document is no policy and is" if count == 1 else "documents are no policies and are"
        note(f"{where}: {count} {said} left out.")
    if not found.policies and not or_none:
        raise UsageError(
            Code.NOTHING_SIGNED, "the files hold no policy", where=where, remedy="give a FederatedNetworkPolicy"
        )
    if not found.policies:
        note(f"{where}: there is no policy in it.")
    return found.policies


def _take(found: Gathered, each: Parsed | DocumentError, team: str) -> None:
    if isinstance(each, DocumentError):
        found.errors.append(each)
    elif isinstance(each.document, ManagedCluster):
        found.clusters.append(each.document)
    elif isinstance(each.document, Waiver):
        found.waivers.append(each.document)
    else:
        policy = PolicySource(team, each.document, each.origin)
        error = _unfit(policy)
        if error is None:
            found.policies.append(policy)
        else:
            found.errors.append(error)


def _unfit(policy: PolicySource) -> DocumentError | None:
    """Return what is wrong with a policy's id, at the place of its name."""
    try:
        policy_id(policy.team, policy.document.metadata.name)
    except DocumentError as error:
        error.where = policy.where("metadata.name")
        return error
    return None


def expanded(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that paths stand for, each once.

    Raises:
        UsageError: EDICT0618.
    """
    seen: set[Path] = set()
    for path in paths:
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise UsageError(
                Code.NOTHING_SIGNED,
                "the folder holds no document",
                where=str(path),
                remedy="give a folder with .yaml, .yml or .json files",
            )
        yield from (file for file in inside if file not in seen)
        seen.update(inside)


def _inside(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
