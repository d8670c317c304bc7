"""Whether a variable in an object is more likely another program's than Flux's: a shell's, or of a file it reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.manifests import at, listed, mappings, scalars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.manifests import Path
    from checks.tree import Object

SHELL = re.compile(r"(^|/)(ba|da|a|z|k)?sh$|^-[a-z]*c$")
"""In a command or in arguments: what runs a text as a script."""

SCRIPT = re.compile(r"^#!|\.(sh|bash|zsh)$")
"""Where a text or the name of its file begins or ends so, it is a script."""


def reader(each: Object, name: str) -> str:
    """What may read a variable instead of Flux: `the script`, `the file x.json`; empty if nothing else would."""
    for path, text in _with(each, name):
        if _is_script(each, path, text, name):
            return "the script"
        # A ConfigMap's or a Secret's key with a dot is a file that something mounts and reads.
        match path:
            case ("data" | "stringData", str() as file) if "." in file:
                return f"what reads {file}"
            case _:
                pass
    return ""


def is_script(each: Object) -> bool:
    """Whether one of the files that an object holds is a script."""
    files = [(str(path[-1]), text) for path, text in scalars(each.built_data) if path[0] in {"data", "stringData"}]
    return any(SCRIPT.search(key) or SCRIPT.search(str(text)) for key, text in files)


def _with(each: Object, name: str) -> Iterator[tuple[Path, str]]:
    """The texts of an object that have a variable."""
    use = re.compile(rf"\$\{{#?{re.escape(name)}\b")
    return ((path, text) for path, text in scalars(each.built_data) if isinstance(text, str) and use.search(text))


def _is_script(each: Object, path: Path, text: str, name: str) -> bool:
    if SCRIPT.search(text) or SCRIPT.search(str(path[-1])):
        return True
    if re.search(rf"(^|[\s;({{])((local|export|read|for) +)?{re.escape(name)}(=| in\b|$)", text, re.MULTILINE):
        return True
    for depth, step in enumerate(path):
        if step in {"command", "args"}:
            container = at(each.built_data, *path[:depth])
            words = [str(word) for field in ("command", "args") for word in listed(at(container, field))]
            given = {str(entry.get("name")) for entry in mappings(at(container, "env"))}
            return any(SHELL.search(word) for word in words) or name in given
    return False
