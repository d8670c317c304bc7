"""`docs/commands.md`, from the app itself: `python -m fleet.page` writes it, a test compares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet import checkout
from fleet.groups import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "docs/commands.md"
EVERYWHERE = ("cwd", "help")
"""The options that the introduction has for all commands."""

INTRODUCTION = """# Commands

`fleet` is the one command: `.venv/bin/fleet` after `make install`, or `python -m fleet`. This page is made from the
app by `make docs`; `-h` after a command says the same.

**The same everywhere**

| option | meaning |
|---|---|
| `-h`, `--help` | Show what a command does, and its options. |
| `-C`, `--cwd` | The checkout to work on. Without it: the one around the current folder. |
| `--stack` | The stack; `staging` without it. |
| `--json` | Print the result as JSON on standard output. |
| `--yes` | Do it. Without it, a command that destroys or writes shows what it would do. |
| `-q`, `--quiet` | Print results and errors, no progress. It stands anywhere before `--`. |
| `--version` | Show the version of `fleet`. |
| `--install-completion` | Complete commands and options in your shell. |

`NO_COLOR=1` turns colours off. What follows `--` goes to the program behind the command.

| exit code | meaning |
|---|---|
| 0 | Done. |
| 1 | It failed, or it found something. |
| 2 | It was used wrongly, or it could not run: an option, file, tool or credential is wrong, or nobody answered. |
| 130 | It was stopped by Ctrl-C. |

`make` ends with 2 whatever went wrong: a script that tells the codes apart calls `fleet`.
"""


def render() -> str:
    """The page, whole."""
    return INTRODUCTION + "".join(part for group in GROUPS for part in _command(f"fleet {group.name}", group.load()))


def _command(name: str, command: Any) -> Iterator[str]:
    """One command, or a group and its commands."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield f"\n## `{name}`\n\n{_text(command.help)}\n{_options(command)}"
        return
    yield f"\n## `{name}`\n\n{_text(command.help)}\n"
    for word, each in inner.items():
        if getattr(each, "commands", None):
            yield from _command(f"{name} {word}", each)
        else:
            yield f"\n### `{name} {word}`\n\n{_text(each.help)}\n{_options(each)}"


def _options(command: Any) -> str:
    rows = [_row(each) for each in command.params if each.name not in EVERYWHERE]
    return "\n" + "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n" if rows else ""


def _row(parameter: Any) -> str:
    names = (
        ", ".join(f"`{each}`" for each in parameter.opts)
        if parameter.param_type_name == "option"
        else (f"`{parameter.metavar or parameter.name.upper()}`")
    )
    return f"| {names} | {_text(getattr(parameter, 'help', None) or '').replace('|', '&#124;')} |"


def _text(text: str | None) -> str:
    """Paragraphs, each of one line."""
    paragraphs = (text or "").replace("\b", "").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs).strip()


if __name__ == "__main__":
    (checkout.find(None) / PAGE).write_text(render(), "utf-8")
