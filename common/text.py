"""Foreign text is data: what AWS, Kubernetes, Git, GitHub and pulumi say is cleaned and cut before anybody reads it.

A tag or a description may hold anything, also a line that looks like ours. So every sink cleans, not every source:
`common.console` for a terminal and a job's log, `common.summary` for Markdown, `to_json` for machines. A command
writes through these alone, which a linter rule enforces, so that new code cannot forget it.

Sources: actions/runner, src/Runner.Common/ActionCommand.cs (a command is `::name` at the start of a line after white
space, or `##[name]` anywhere in it); ECMA-48 (escape sequences); Unicode, DerivedCoreProperties.txt
(Default_Ignorable_Code_Point); GitHub's Markdown reads no reference, mention or markup within `<code>` of entities.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VALUE = 300
"""The longest value that is shown whole, in characters: AWS's tags have at most 256."""

LINE = 2_000
"""The longest line."""

UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, the cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC and the like: titles, links
    r"|\x1b[ -/]*[0-~]"
)
_BLANKS = re.compile(r"[^\S ]+")
_INVISIBLE = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
"""What `str.isprintable` lets through and nobody sees: fillers, joiners, variation selectors, an empty Braille cell."""

_COMMAND = re.compile(r"^( *):(?=:)")

_MARKUP = re.compile(r"[^\w ,;./:=+()%-]|_|:(?=//)|(?<=[wW]{3})\.")
"""All but what is plain everywhere; of URLs the colon and `www.`, which GitHub makes links of."""


def clean(text: object, limit: int | None = VALUE) -> str:
    """Make one line of a text that obeys nobody: no escape sequence, no control, format or invisible character.

    White space other than a space becomes a space, so that no line begins within; what does not print becomes U+FFFD,
    so that two names that look alike are told apart. A workflow command of GitHub is broken up.

    Args:
        text: what somebody else wrote; anything but a string counts as what `str` makes of it.
        limit: the most characters; what is cut off leaves an ellipsis. None: all of it.
    """
    line = _BLANKS.sub(" ", _ESCAPES.sub("", str(text)))
    line = "".join(char if char.isprintable() and char not in _INVISIBLE else UNPRINTABLE for char in line)
    line = _COMMAND.sub(r"\1: ", line.replace("##[", "## ["))
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def lines(text: str, limit: int = LINE) -> list[str]:
    """Clean a text that may have several lines; empty ones go."""
    return [cleaned for line in text.splitlines() if (cleaned := clean(line, limit)).strip()]


def markdown(text: object, limit: int = VALUE) -> str:
    """Show a text in Markdown, also in a table's cell, so that nothing in it is markup, a mention or a reference."""
    shown = _MARKUP.sub(lambda char: f"&#{ord(char[0])};", clean(text, limit))
    return f"<code>{shown}</code>" if shown.strip() else ""


def to_json(document: object, *, indent: int | None = 2) -> str:
    """Write a document whose strings are all cleaned, keys too: a log may show it."""
    return json.dumps(_cleaned(document), indent=indent, ensure_ascii=False)


def _cleaned(value: object) -> Any:
    match value:
        case str():
            return clean(value, LINE)
        case dict():
            found = cast("Mapping[object, object]", value)
            return {clean(key): _cleaned(item) for key, item in found.items()}
        case list() | tuple():
            return [_cleaned(item) for item in cast("Sequence[object]", value)]
        case _:
            return value
