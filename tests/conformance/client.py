"""The agent's verification behind the command line of theupdateframework/tuf-conformance (its CLIENT-CLI.md)."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from tuf.api.exceptions import RepositoryError

sys.path.insert(0, str(Path(__file__).parents[2]))

from edict.errors import TrustError
from tests.conformance.updater import Fetch, NotFoundError, Updater, content_of

CLOCK = "EDICT_CONFORMANCE_NOW"
"""Set by bin/faketime, where the machine has no faketime of its own."""
MAX_BYTES = 16 * 1024 * 1024


def over_http(base: str) -> Fetch:
    """Return what fetches from below a URL."""

    def fetch(path: str) -> bytes | None:
        try:
            with urlopen(f"{base.rstrip('/')}/{path}", timeout=10) as answer:  # noqa: S310 - the suite's own server
                content: bytes = answer.read(MAX_BYTES)
                return content
        except HTTPError as error:
            if error.code in {403, 404}:
                return None
            raise

    return fetch


def now() -> datetime:
    """Return the present, or what the suite pretends that it is."""
    pretended = os.environ.get(CLOCK)
    return datetime.fromisoformat(pretended).astimezone(UTC) if pretended else datetime.now(UTC)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--metadata-url", "--target-dir", "--target-base-url"):
        parser.add_argument(option)
    parser.add_argument("--metadata-dir", required=True, type=Path)
    parser.add_argument("--target-name", action="append", default=[])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("init").add_argument("trusted_root", type=Path)
    verbs.add_parser("refresh")
    verbs.add_parser("download")
    return parser.parse_args()


def download(updater: Updater, names: list[str], base: str, folder: Path) -> None:
    """Find each target, and fetch those that are not there already."""
    for name in names:
        target = updater.find(name)
        path = folder / quote(name, "")
        try:
            target.verify_length_and_hashes(path.read_bytes())
        except (FileNotFoundError, RepositoryError):
            path.write_bytes(content_of(target, over_http(base), consistent=updater.consistent))


def main() -> int:
    """Run one command; 1 where anything does not hold."""
    asked = arguments()
    if asked.verb == "init":
        shutil.copyfile(asked.trusted_root, asked.metadata_dir / "root.json")
        return 0
    try:
        updater = Updater(asked.metadata_dir, over_http(asked.metadata_url), now())
        updater.refresh()
        if asked.verb == "download":
            download(updater, asked.target_name, asked.target_base_url, Path(asked.target_dir))
    except (TrustError, RepositoryError, NotFoundError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
