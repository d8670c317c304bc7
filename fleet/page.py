"""`docs/commands.md` and a page for each group, made from the app: `python -m fleet.page` writes them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fleet import checkout
from fleet.groups import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

INDEX = "docs/commands.md"
FOLDER = "docs/commands"
EVERYWHERE = ("cwd", "help")
"""The options that the index has for all commands."""

SHARED_BY = 4
"""An option of so many commands of a group stands once, at the beginning of its page."""

GUIDES = {
    "configure": "day-zero.md",
    "account": "first-hour.md",
    "check": "checks.md",
    "support": "upgrade.md",
    "versions": "upgrade.md",
    "state": "change-the-platform.md",
    "diff": "pull-request.md",
    "preview": "pull-request.md",
    "cost": "cost.md",
    "gate": "rebuild.md",
    "bootstrap": "bootstrap.md",
    "timeline": "timeline.md",
    "teardown": "night.md",
    "lock": "troubleshooting.md",
    "sandbox": "sandbox.md",
    "acceptance": "acceptance.md",
}
"""Group → the page of docs/ that says when to use it."""

INTRODUCTION = """# Commands

This page lists the commands of `fleet`, and what is the same for all of them. `make docs` writes it from the app;
`-h` after a command prints the same. `fleet` is `.venv/bin/fleet` after `make install`.

## The same everywhere

| option | meaning |
|---|---|
| `-h`, `--help` | Show what a command does, and its options. |
| `-C`, `--cwd` | The checkout to work on. Default: the one around the current folder. |
| `--stack` | The stack. Default: `staging`. |
| `--json` | Print the result as JSON on standard output. |
| `--yes` | Do it. Without it, a command that destroys or writes shows what it would do. |
| `-q`, `--quiet` | Print results and errors, no progress. It may stand anywhere before `--`. |
| `--version` | Show the version of `fleet`. |
| `--install-completion` | Complete commands and options in your shell. |

`NO_COLOR=1` turns colours off. What follows `--` goes to the program behind the command.

| exit code | meaning |
|---|---|
| 0 | Done. |
| 1 | It failed, or it found something. |
| 2 | Wrong use, or it could not run: an option, file, tool or credential is wrong, or nobody answered. |
| 130 | Stopped by Ctrl-C. |

`make` ends with 2 whatever went wrong. A script that needs the exit code calls `fleet`.

## All commands

In the order of their first use.

| command | does |
|---|---|
"""

NEXT = """
## What next

{links}
"""


@dataclass(frozen=True)
class Page:
    """What the page of a command, or of a group of them, is made of."""

    name: str
    """Such as `fleet teardown`."""
    does: str
    """One line, for the index."""
    text: str

    @property
    def file(self) -> str:
        """The file in the folder."""
        return f"{'-'.join(self.name.split()[1:])}.md"


def render() -> dict[str, str]:
    """The pages: path → text."""
    pages: dict[str, str] = {}
    rows = ""
    for group in GROUPS:
        guide = GUIDES.get(group.name, "")
        links = [f"- When to use it: [{guide}](../{guide})."] if guide else []
        links.append("- What is the same for all commands: [commands](../commands.md).")
        for page in _pages(f"fleet {group.name}", group.help, group.load()):
            pages[f"{FOLDER}/{page.file}"] = page.text + NEXT.format(links="\n".join(links))
            rows += f"| [`{page.name}`](commands/{page.file}) | {page.does} |\n"
    return {INDEX: INTRODUCTION + rows + NEXT.format(links="- What to do with them: [all pages](README.md)."), **pages}


def write(root: Path) -> None:
    """Write the pages into a checkout, and remove those of commands that are gone."""
    pages = render()
    for path in (root / FOLDER).glob("*.md"):
        if f"{FOLDER}/{path.name}" not in pages:
            path.unlink()
    for name, text in pages.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, "utf-8")


def _pages(name: str, does: str, command: Any) -> list[Page]:
    """The page of a command, or of a group; a group within it has a page of its own."""
    text = f"# `{name}`\n\n{_text(command.help)}\n"
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner:
        return [Page(name, does, text + _list(_options(command)))]
    counts = Counter(line for each in inner.values() for line in _options(each))
    shared = {line for line, count in counts.items() if count >= SHARED_BY}
    if shared:
        text += "\nOptions of several commands:\n" + _list(line for line in counts if line in shared)
    beneath: list[Page] = []
    for word, each in inner.items():
        text += f"\n## `{name} {word}`\n\n{_text(each.help)}"
        if getattr(each, "commands", None):
            found = _pages(f"{name} {word}", _text(each.help), each)
            beneath += found
            text += f" Its commands have [their own page]({found[0].file}).\n"
            continue
        lines = _options(each)
        above = ", ".join(line.partition(":")[0] for line in lines if line in shared)
        text += "\n" + _list(
            [*(line for line in lines if line not in shared), *([f"{above}: see above."] if above else [])]
        )
    return [Page(name, does, text), *beneath]


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"- {line}\n" for line in lines)
    return f"\n{items}" if items else ""


def _options(command: Any) -> list[str]:
    return [_line(each) for each in command.params if each.name not in EVERYWHERE]


def _line(parameter: Any) -> str:
    names = (
        ", ".join(f"`{each}`" for each in parameter.opts)
        if parameter.param_type_name == "option"
        else (f"`{parameter.metavar or parameter.name.upper()}`")
    )
    return f"{names}: {_text(getattr(parameter, 'help', None))}"


def _text(text: str | None) -> str:
    """Paragraphs, each of one line; what Markdown would take for a tag is escaped."""
    paragraphs = (text or "").replace("\b", "").split("\n\n")
    joined = "\n\n".join(" ".join(each.split()) for each in paragraphs).strip()
    parts = re.split(r"(`[^`]*`)", joined)
    return "".join(part if part.startswith("`") else part.replace("<", r"\<") for part in parts)


if __name__ == "__main__":
    write(checkout.find(None))
