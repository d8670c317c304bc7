"""Commands of `fleet` as pages, workflows and messages name them, held to the app itself."""

from __future__ import annotations

import re
from typing import Any

import typer

from fleet.app import app

COMMAND = re.compile(r"(?<![\w/.-])(?:\.venv/bin/)?fleet((?: +(?!`)[^\s`|;&<>()…#]+)+)")
"""`fleet` and its words, wherever a text names it: up to what a shell or a sentence ends it with."""

EVERYWHERE = ("-h", "--help", "-q", "--quiet")
"""What every command takes."""


def unknown(words: list[str]) -> str:
    """What of the words after `fleet` the app does not know: a group, a command or an option; empty: all is known."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "list_commands"):
        context = command.make_context("fleet", [], resilient_parsing=True)
        if not rest or rest[0].startswith("-"):
            break
        word = rest.pop(0)
        found = command.get_command(context, word)
        if found is None:
            return word
        command = found
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = rest[: rest.index("--")] if "--" in rest else rest
    for word in given:
        if word.startswith("-") and word != "-" and word.partition("=")[0] not in {*options, *EVERYWHERE}:
            return word
    return ""


def named(text: str) -> list[list[str]]:
    """The commands that a text names, as words. A word of prose after `fleet` is told by what comes before it."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [match[1].split() for match in COMMAND.finditer(joined)]
