"""The page on waivers shows a document that is one."""

from __future__ import annotations

import re
from pathlib import Path

from edict.policy.documents import Waiver
from edict.policy.parse import load_one

PAGE = Path(__file__).parents[3] / "docs/concepts/waivers.md"


def test_the_waiver_on_the_page_is_valid() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    document = load_one(block, "waivers.md")
    assert isinstance(document, Waiver)
    said = PAGE.read_text()
    assert f"{document.spec.expires:%Y-%m-%d %H:%M} UTC by {document.spec.approver}: {document.metadata.name}" in said
