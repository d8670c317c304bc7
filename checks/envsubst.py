"""Flux's variable substitution: its grammar, and what strict mode refuses.

Source: fluxcd/pkg envsubst 1.7.1 (parse, funcs, path) and kustomize (SubstituteVariables), as kustomize-controller
1.9.5 runs them on the text of each object. Lengths and offsets count bytes, as there. Not carried over: a NUL byte ends
the text, and a pattern may cut a character in half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
"""What every key must match whole; one that does not fails all objects of the Kustomization."""

BAD = "bad substitution"
NO_BRACE = "missing closing brace"
NO_NAME = "unable to parse variable name"
NO_ARGUMENT = "unable to parse substitution within function"

_DEFAULTS = frozenset({"=", ":=", ":-", ":?", ":+"})
"""The functions for which an unset variable is not an error. Those with ? and + are defaults like the others."""


class SubstitutionError(Exception):
    """A text cannot be substituted; the message is the controller's own."""

    def __init__(self, message: str, line: int) -> None:
        """Keep the line, from 1."""
        super().__init__(message)
        self.line = line


class UnsetVariableError(SubstitutionError):
    """Strict mode: a variable has no value and no default."""

    def __init__(self, name: str, line: int) -> None:
        """Keep the name."""
        super().__init__(f'variable not set (strict mode): "{name}"', line)
        self.name = name


@dataclass(frozen=True)
class Use:
    """One place where a variable is used."""

    name: str
    line: int
    has_default: bool
    """Whether it may be unset."""


@dataclass(frozen=True)
class _Variable:
    name: str
    line: int
    function: str = ""
    arguments: tuple[_Part, ...] = ()


_Part = str | _Variable


@dataclass(frozen=True)
class Template:
    """A parsed text."""

    parts: tuple[_Part, ...]

    @property
    def uses(self) -> tuple[Use, ...]:
        """All variables, in defaults too: their values are asked for even where the default is not needed."""
        return tuple(_uses(self.parts))

    def substitute(self, values: Mapping[str, str]) -> str:
        """The text with values for variables. Raises UnsetVariableError."""
        return "".join(_evaluate(part, values) for part in self.parts)


def parse(text: str) -> Template:
    """Parse a text. Raises SubstitutionError."""
    return Template(tuple(_Parser(text).text()))


def clean(value: str) -> str:
    """A source's value as it is used: on one line."""
    return value.replace("\n", "")


def _uses(parts: tuple[_Part, ...]) -> Iterator[Use]:
    for part in parts:
        if isinstance(part, _Variable):
            yield Use(part.name, part.line, part.function in _DEFAULTS)
            yield from _uses(part.arguments)


def _evaluate(part: _Part, values: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part
    arguments = tuple(_evaluate(argument, values) for argument in part.arguments)
    if part.name not in values and part.function not in _DEFAULTS:
        raise UnsetVariableError(part.name, part.line)
    function = _FUNCTIONS.get((part.function, bool(arguments)), _default)
    return function(values.get(part.name, ""), arguments)


@dataclass
class _Parser:
    """One pass over a text; a word ends before `${` wherever variables may stand."""

    buffer: str
    position: int = 0
    _counted: tuple[int, int] = field(default=(0, 1))

    def text(self) -> Iterator[_Part]:
        while self.position < len(self.buffer):
            if self._take("${"):
                yield self.variable()
            else:
                yield self._word(lambda _: True, escapes="$")

    def variable(self) -> _Variable:
        """What follows `${`."""
        line = self._line()
        if self._take("#"):
            name = self._name() or self._fail(BAD)
            self._close()
            return _Variable(name, line, "#")
        name = self._name() or self._fail(NO_NAME)
        match self._peek():
            case ":" | "=":
                function, arguments = self._default_or_substring()
            case "," | "^":
                function, arguments = self._operator(",^", 2), ()
                self._close()
            case "/":
                function, arguments = self._replace()
            case "#" | "%" as operator:
                function = self._operator(operator, 2)
                arguments = (self._argument(lambda char: char != "}"),)
                self._close()
            case _:
                function, arguments = "", ()
                self._close(NO_BRACE)
        return _Variable(name, line, function, arguments)

    def _default_or_substring(self) -> tuple[str, tuple[_Part, ...]]:
        if self._take("="):
            return "=", self._words()
        self._take(":")
        following = self._peek()
        if following and following in "=-?+":
            self.position += 1
            return f":{following}", self._words()
        if not following or not following.isascii():
            self._fail(BAD)
        arguments: tuple[_Part, ...] = (self._argument(lambda char: char not in ":}"),)
        if not self._take("}"):
            if not self._operator(":"):
                self._fail(BAD)
            arguments += (self._argument(lambda char: char != "}"),)
            self._close()
        return ":", arguments

    def _words(self) -> tuple[_Part, ...]:
        """A default: any words and variables up to the brace."""
        found: list[_Part] = []
        while not self._take("}"):
            found.append(self._argument(lambda char: char != "}"))
        return tuple(found)

    def _replace(self) -> tuple[str, tuple[_Part, ...]]:
        self._take("/")
        following = self._peek()
        function = f"/{following}" if following and following in "/#%" else "/"
        self.position += len(function) - 1
        pattern = self._argument(lambda char: char != "/", escapes="$\\")
        if not self._operator("/"):
            self._fail(BAD)
        if self._take("}"):
            return function, (pattern,)
        replacement = self._argument(lambda char: char != "}", escapes="$\\")
        self._close()
        return function, (pattern, replacement)

    def _argument(self, accept: Callable[[str], bool], escapes: str = "") -> _Part:
        if self._take("${"):
            return self.variable()
        word = self._word(accept, escapes)
        return word or self._fail(NO_ARGUMENT)

    def _word(self, accept: Callable[[str], bool], escapes: str) -> str:
        found: list[str] = []
        while self.position < len(self.buffer) and not self.buffer.startswith("${", self.position):
            char = self.buffer[self.position]
            following = self.buffer[self.position + 1 : self.position + 2]
            if char in escapes and following and following in ("$" if char == "$" else "/\\"):
                self.position += 1
                char = following
            elif not accept(char):
                break
            found.append(char)
            self.position += 1
        return "".join(found)

    def _name(self) -> str:
        start = self.position
        while self._peek() == "_" or self._peek().isalpha() or self._peek().isdecimal():
            self.position += 1
        return self.buffer[start : self.position]

    def _operator(self, chars: str, most: int | None = None) -> str:
        start = self.position
        while self._peek() and self._peek() in chars and (most is None or self.position - start < most):
            self.position += 1
        return self.buffer[start : self.position]

    def _peek(self) -> str:
        return self.buffer[self.position : self.position + 1]

    def _take(self, expected: str) -> bool:
        found = self.buffer.startswith(expected, self.position)
        self.position += len(expected) if found else 0
        return found

    def _close(self, message: str = BAD) -> None:
        if not self._take("}"):
            self._fail(message)

    def _fail(self, message: str) -> str:
        raise SubstitutionError(message, self._line())

    def _line(self) -> int:
        """The line of the position, counted on from where it was last asked for."""
        position, line = self._counted
        line += self.buffer.count("\n", position, self.position)
        self._counted = (self.position, line)
        return line


def _default(value: str, arguments: tuple[str, ...]) -> str:
    return value or "".join(arguments)


def _substring(value: str, arguments: tuple[str, ...]) -> str:
    if not all(re.fullmatch(r"[+-]?[0-9]+", each) for each in arguments):
        return value
    data = value.encode()
    start, *length = map(int, arguments)
    start = max(len(data) + start, 0) if start < 0 else start
    end = len(data) if not length else length[0] + (len(data) if length[0] < 0 else start)
    return data[start : max(end, start)].decode(errors="replace")


def _replaced(count: int) -> Callable[[str, tuple[str, ...]], str]:
    return lambda value, arguments: value.replace(arguments[0], "".join(arguments[1:]), count)


def _replaced_prefix(value: str, arguments: tuple[str, ...]) -> str:
    whole = len(arguments) == 2 and value.startswith(arguments[0])
    return value.replace(arguments[0], arguments[1], 1) if whole else value


def _replaced_suffix(value: str, arguments: tuple[str, ...]) -> str:
    whole = len(arguments) == 2 and value.endswith(arguments[0])
    return value.removesuffix(arguments[0]) + arguments[1] if whole else value


def _trimmed(*, longest: bool, suffix: bool) -> Callable[[str, tuple[str, ...]], str]:
    def trim(value: str, arguments: tuple[str, ...]) -> str:
        way = slice(None, None, -1) if suffix else slice(None)
        text, pattern = value[way], _glob(arguments[0][way])
        lengths = range(len(text), 0, -1) if longest else range(1, len(text) + 1)
        found = next((length for length in lengths if pattern and pattern.fullmatch(text, 0, length)), 0)
        return text[found:][way]

    return trim


def _glob(pattern: str) -> re.Pattern[str] | None:
    """A shell pattern whose * crosses slashes; None for a malformed one, which matches nothing."""
    parts: list[str] = []
    rest = pattern
    while rest:
        found = _GLOB.match(rest)
        if found is None:
            return None
        parts.append(_piece(found))
        rest = rest[found.end() :]
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return None


_GLOB = re.compile(
    r"(?P<star>\*+)|(?P<any>\?)|\[(?P<not>\^?)(?P<set>(?:(?:\\.|[^\]\\-])(?:-(?:\\.|[^\]\\-]))?)+)\]|\\(?P<escaped>.)|(?P<char>[^\[\\])",
    re.DOTALL,
)


def _piece(found: re.Match[str]) -> str:
    if found["star"]:
        return ".*"
    if found["any"]:
        return "."
    if found["set"]:
        members = re.sub(
            r"\\(.)|(.)", lambda each: each[2] if each[2] == "-" else re.escape(each[1] or each[2]), found["set"]
        )
        return f"[{found['not']}{members}]"
    return re.escape(found["escaped"] or found["char"])


_FUNCTIONS: Mapping[tuple[str, bool], Callable[[str, tuple[str, ...]], str]] = {
    (",", False): lambda value, _: value[:1].lower() + value[1:],
    (",,", False): lambda value, _: value.lower(),
    ("^", False): lambda value, _: value[:1].upper() + value[1:],
    ("^^", False): lambda value, _: value.upper(),
    ("#", False): lambda value, _: str(len(value.encode())),
    ("#", True): _trimmed(longest=False, suffix=False),
    ("##", True): _trimmed(longest=True, suffix=False),
    ("%", True): _trimmed(longest=False, suffix=True),
    ("%%", True): _trimmed(longest=True, suffix=True),
    (":", True): _substring,
    ("/", True): _replaced(1),
    ("//", True): _replaced(-1),
    ("/#", True): _replaced_prefix,
    ("/%", True): _replaced_suffix,
}
"""By name, and whether it has arguments: `#` is two functions."""
