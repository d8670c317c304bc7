"""The charts of `docs/timeline.md`: `python -m delivery.timeline.page` writes them, a test compares them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from delivery.timeline import program, timeline
from delivery.timeline.report import Report
from delivery.timeline.runs import Kind

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "timeline.md"
STACK = "staging"


def render(page: str) -> str:
    """The page with what `fleet timeline rebuild --markdown` and `fleet timeline night --markdown` print now."""
    created = program.waits(CHECKOUT, STACK)
    for kind in get_args(Kind):
        begin, end = f"<!-- fleet timeline {kind} --markdown -->", "<!-- end -->"
        text = Report(timeline.published(kind, STACK, created)).to_markdown()
        block = f"{begin}\n\n{text}\n{end}"
        page = re.sub(rf"{begin}.*?{end}", lambda _, block=block: block, page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
