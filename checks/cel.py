"""Whether a text is an expression of CEL, the Common Expression Language, with variables that are declared.

Source: cel-spec, the grammar of cel-go's parser. Types and the arguments of macros are not looked at: what is refused
here is refused there, not the other way round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_ESCAPE = r"\\(?:[abfnrtv\"'`\\?]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
_TEXTS = (
    rf'"""(?:{_ESCAPE}|[^\\])*?"""',
    rf"'''(?:{_ESCAPE}|[^\\])*?'''",
    rf'"(?:{_ESCAPE}|[^\\\n\r"])*"',
    rf"'(?:{_ESCAPE}|[^\\\n\r'])*'",
)
_RAW = (r'"""(?:.|\n)*?"""', r"'''(?:.|\n)*?'''", r'"[^\n\r"]*"', r"'[^\n\r']*'")
_NUMBER = r"(?:\d+\.\d+|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+[uU]?|\d+[uU]?"
_TOKEN = re.compile(
    "|".join(
        (
            r"(?P<space>[ \t\r\n\f]+|//[^\n]*)",
            rf"(?P<literal>[bB]?(?:{'|'.join(_TEXTS)})|[bB]?[rR](?:{'|'.join(_RAW)})|{_NUMBER})",
            r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)",
            r"(?P<escaped>`[A-Za-z0-9_./\- ]+`)",
            r"(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]{}])",
        )
    )
)

END = "the end"
LITERALS = frozenset({"true", "false", "null"})
RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop"),
        *("package", "namespace", "return", "var", "void", "while"),
    }
)
KNOWN = frozenset(
    {
        *("bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "timestamp", "duration"),
        *("type", "uint", "optional_type", "google", "cel", "optional", "math", "strings", "sets", "base64", "lists"),
    }
)
"""Types, and the name spaces of functions."""
BINDING = frozenset({"all", "bind", "exists", "existsOne", "exists_one", "filter", "map", "optFlatMap", "optMap"})
"""The macros whose first arguments are variables of their own; those whose names begin with transform, too."""


class CelError(Exception):
    """A text is no expression; the message says what is wrong where."""


def check(text: str, variables: Collection[str] | None = None) -> None:
    """Check an expression.

    Args:
        text: the expression.
        variables: those that are declared; None if they are not looked at, as where it is only parsed.

    Raises:
        CelError: it does not parse, or has a variable that is not declared.
    """
    parser = _Parser(_tokens(text))
    parser.expression()
    parser.expect("")
    unknown = parser.used - parser.bound - KNOWN - set(variables or ())
    if variables is not None and unknown:
        raise CelError(f"undeclared reference to '{min(unknown)}'")


def _tokens(text: str) -> list[tuple[str, str]]:
    """The kind and the text of each; the last is empty."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise CelError(f"token recognition error at '{text[position : position + 10]}'")
        if token.lastgroup != "space":
            found.append((str(token.lastgroup), token[0]))
        position = token.end()
    return [*found, ("end", "")]


@dataclass
class _Parser:
    """Recursive descent, a method for a rule of the grammar."""

    tokens: list[tuple[str, str]]
    used: set[str] = field(default_factory=set[str])
    """The names that stand for themselves: variables, types, name spaces."""
    bound: set[str] = field(default_factory=set[str])

    def is_next(self, *signs: str) -> bool:
        return self.tokens[0][1] in signs and self.tokens[0][0] != "literal"

    def take(self) -> tuple[str, str]:
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]

    def skip(self, *signs: str) -> bool:
        if found := self.is_next(*signs):
            self.take()
        return found

    def expect(self, sign: str) -> None:
        if not self.is_next(sign):
            raise CelError(f"mismatched input '{self.tokens[0][1] or END}', expecting '{sign or END}'")
        self.take()

    def expression(self) -> None:
        self.binary()
        if self.skip("?"):
            self.binary()
            self.expect(":")
            self.expression()

    def binary(self) -> None:
        """Precedence does not matter to whether it parses."""
        self.unary()
        while self.skip("||", "&&", "<", "<=", ">=", ">", "==", "!=", "in", "+", "-", "*", "/", "%"):
            self.unary()

    def unary(self) -> None:
        sign = self.tokens[0][1]
        while sign in {"!", "-"} and self.skip(sign):
            pass
        self.primary()
        while self.is_next(".", "[", "("):
            self.member()

    def member(self) -> None:
        if self.skip("["):
            self.skip("?")
            self.expression()
            self.expect("]")
            return
        self.expect(".")
        is_optional = self.skip("?")
        kind, name = self.take()
        if kind not in {"name", "escaped"} or name in LITERALS | {"in"}:
            raise CelError(f"no viable alternative at input '.{name}'")
        if kind == "name" and not is_optional and self.is_next("("):
            self.arguments(binds=name in BINDING or name.startswith("transform"))

    def arguments(self, *, binds: bool) -> None:
        self.expect("(")
        if binds:
            pairs = zip(self.tokens[0:4:2], self.tokens[1:4:2], strict=False)
            self.bound.update(name for (kind, name), (_, comma) in pairs if (kind, comma) == ("name", ","))
        self.listed(")", self.expression)

    def listed(self, end: str, item: Callable[[], None], *, may_trail: bool = False) -> None:
        """Items between commas, up to a sign."""
        while not self.skip(end):
            item()
            if not self.is_next(end):
                self.expect(",")
                if self.is_next(end) and not may_trail:
                    raise CelError(f"mismatched input '{end}' after ','")

    def primary(self) -> None:
        is_rooted = self.skip(".")
        kind, text = self.take()
        match kind, text:
            case "literal", _ if not is_rooted:
                pass
            case "name", _ if text in RESERVED:
                raise CelError(f"reserved identifier: {text}")
            case "name", _ if text in LITERALS and not is_rooted:
                pass
            case "name", _:
                self.name(text)
            case "sign", "(" if not is_rooted:
                self.expression()
                self.expect(")")
            case "sign", "[" if not is_rooted:
                self.listed("]", self.optional, may_trail=True)
            case "sign", "{" if not is_rooted:
                self.listed("}", self.entry, may_trail=True)
            case _:
                raise CelError(f"mismatched input '{text or END}'")

    def name(self, name: str) -> None:
        """A variable, a call, or a message."""
        if self.is_next("("):
            self.arguments(binds=False)
            return
        end = 0
        while self.tokens[end][1] == "." and self.tokens[end + 1][0] == "name":
            end += 2
        if self.tokens[end][1] == "{":
            del self.tokens[: end + 1]
            self.listed("}", self.message_field, may_trail=True)
        else:
            self.used.add(name)

    def optional(self) -> None:
        self.skip("?")
        self.expression()

    def message_field(self) -> None:
        self.skip("?")
        kind, text = self.take()
        if kind not in {"name", "escaped"}:
            raise CelError(f"mismatched input '{text or END}'")
        self.expect(":")
        self.expression()

    def entry(self) -> None:
        self.optional()
        self.expect(":")
        self.expression()
