"""YAML documents that know their lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

Path = tuple[str | int, ...]
"""The way to a value: keys and indexes."""

BOM = "\ufeff"


class SyntaxProblem(Exception):  # noqa: N818  # found in a file, and told as a finding
    """A text is not YAML."""

    def __init__(self, line: int, message: str) -> None:
        """Keep the line (from 1) and what the parser says."""
        super().__init__(message)
        self.line = line


class Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: no dates, and `=` is text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """One YAML document of a source file."""

    file: str
    line: int
    """Where its first line of content is, from 1."""
    data: Any
    node: yaml.Node = field(repr=False, compare=False)

    def line_of(self, *path: str | int) -> int:
        """The line of the key or item at `path`, or of what is nearest above it."""
        line, node = self.line, self.node
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found[0] + 1, found[1]
        return line


def parse(file: str, text: str) -> tuple[Document, ...]:
    """The documents of a file that are not empty. Raises SyntaxProblem."""
    loader = Loader(text.removeprefix(BOM))
    found: list[Document] = []
    try:
        while loader.check_node():
            node = cast("yaml.Node", loader.get_node())
            data: Any = loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]  # untyped there
            if data is not None:
                found.append(Document(file, cast("yaml.Mark", node.start_mark).line + 1, data, node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SyntaxProblem(mark.line + 1 if mark else 1, str(error.problem or error.context)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SyntaxProblem(1, " ".join(str(error).split())) from None
    finally:
        loader.dispose()
    return tuple(found)


def load(text: str) -> Any:
    """The one document of a text. Raises SyntaxProblem."""
    try:
        return yaml.load(text, Loader)  # noqa: S506  # a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SyntaxProblem(mark.line + 1 if mark else 1, str(error.problem or error.context)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SyntaxProblem(1, " ".join(str(error).split())) from None


_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML does not take as it is, or takes for the end of a line."""


def as_json(value: Any) -> str:
    """JSON that a YAML parser reads as the same: text as it is, without the halves of a character that JSON allows."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def scalars(value: Any) -> Iterator[tuple[Path, Any]]:
    """Every leaf of a document with the way to it, in order. Not for what may contain itself by an alias."""
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, Mapping):
            items = list(cast("Mapping[str | int, Any]", each).items())
        elif isinstance(each, list):
            items = list(enumerate(cast("list[Any]", each)))
        else:
            yield path, each
            continue
        waiting += [((*path, key), child) for key, child in reversed(items)]


def at(value: Any, *path: str | int) -> Any:
    """The value at `path`, None where there is nothing."""
    for step in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str | int, Any]", value).get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[step]
        else:
            return None
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: what the schema stage refuses must not stop the others."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings in a list."""
    return [mapping(each) for each in listed(value) if isinstance(each, Mapping)]


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if str(key.value) == str(step):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        items = cast("list[yaml.Node]", node.value)
        if step < len(items):
            return items[step].start_mark.line, items[step]
    return None
