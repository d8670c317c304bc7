"""Output that a page shows, held to what the command prints.

An excerpt is a block of the language `console`: a line `$ <command>`, then output. `...` stands for what is left out.
"""

from __future__ import annotations

import re

from tests.support.pages import PAGES

BLOCK = re.compile(r"^```console\n\$ (?P<command>.+)\n(?P<output>(?:(?!```).*\n)+)```$", re.MULTILINE)
LEFT_OUT = "..."


def excerpts(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a page's excerpts, each with the lines that it shows."""
    return [(match["command"], match["output"].splitlines()) for match in BLOCK.finditer(text)]


def excerpt(command: str) -> list[str]:
    """What the pages show of a command's output.

    Raises:
        ValueError: no page shows it, or two do.
    """
    (found,) = [lines for page in PAGES for name, lines in excerpts(page.read_text()) if name == command]
    return found


def missing(shown: list[str], output: str) -> list[str]:
    """The lines of an excerpt that the output does not have in this place; blanks at ends of lines do not count.

    A line follows the one before it at once, unless `...` stands between them. The first may stand anywhere.
    """
    lines = [line.rstrip() for line in output.splitlines()]
    wrong: list[str] = []
    at, anywhere = 0, True
    for line in shown:
        if line.strip() == LEFT_OUT:
            anywhere = True
            continue
        there = lines.index(line.rstrip(), at) if line.rstrip() in lines[at:] else None
        if there is None or (there != at and not anywhere):
            wrong.append(line)
            anywhere = True
        else:
            at, anywhere = there + 1, False
    return wrong
