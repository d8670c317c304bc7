"""GitHub's workflow expressions, as far as our workflows use them; anything else is an error.

Source: GitHub Actions reference, "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Value: TypeAlias = "bool | float | str | Sequence[Value] | Mapping[str, Value] | None"
"""What an expression gives: JSON's types, numbers as float."""

Functions: TypeAlias = "Mapping[str, Callable[[], bool]]"
"""The status functions, which know the job or step that asks: always, success, failure, cancelled."""

STATUS_FUNCTIONS = ("always", "success", "failure", "cancelled")

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<operator>&&|\|\||==|!=|[!().,*]))"
)
_INTERPOLATION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}


class ExpressionError(Exception):
    """An expression that this module does not know, or that GitHub would refuse."""


class _Filtered(tuple["Value", ...]):
    """What `.*` gives: the property that follows is taken of each element."""

    __slots__ = ()


def evaluate(expression: str, contexts: Mapping[str, Value], functions: Functions | None = None) -> Value:
    """The value of an expression without its `${{ }}`. Raises ExpressionError."""
    return _Parser(expression, contexts, functions or {}).whole()


def interpolate(text: str, contexts: Mapping[str, Value], functions: Functions | None = None) -> Value:
    """A text with its `${{ }}` filled in; one that is nothing but an expression keeps its type."""
    whole = _INTERPOLATION.fullmatch(text.strip())
    if whole is not None and "${{" not in whole[1]:
        return evaluate(whole[1], contexts, functions)
    return _INTERPOLATION.sub(lambda match: to_string(evaluate(match[1], contexts, functions)), text)


def condition(text: str | None, contexts: Mapping[str, Value], functions: Functions) -> bool:
    """Whether an `if` holds. One without a status function asks for success() too, as GitHub does."""
    if text is None:
        return functions["success"]()
    whole = _INTERPOLATION.fullmatch(text.strip())
    expression = whole[1] if whole is not None else text
    if "${{" in expression:
        raise ExpressionError(f"an `if` that is an expression in part: {text}")
    asks = re.search(rf"\b({'|'.join(STATUS_FUNCTIONS)})\s*\(", re.sub(r"'(?:[^']|'')*'", "", expression))
    if asks is None and not functions["success"]():
        return False
    return truthy(evaluate(expression, contexts, functions))


def truthy(value: Value) -> bool:
    """Whether GitHub takes a value for true: objects and arrays always are."""
    if isinstance(value, float):
        return bool(value) and not math.isnan(value)
    return value is not None and value is not False and value != ""


def to_string(value: Value) -> str:
    """A value inside a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if not value.is_integer() else str(int(value))
    if isinstance(value, str):
        return value
    return "Object" if _is_object(value) else "Array"


def equal(left: Value, right: Value) -> bool:
    """GitHub's ==: text without regard to case, unlike types as numbers, objects and arrays by identity."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if _is_object(left) or _is_object(right) or _is_array(left) or _is_array(right):
        return left is right
    return _number(left) == _number(right)


def from_json(text: str) -> Value:
    """The value of a JSON document. Raises ExpressionError when it is none."""
    try:
        return cast("Value", json.loads(text, parse_int=float))
    except json.JSONDecodeError:
        raise ExpressionError(f"fromJSON of invalid JSON: {text!r}") from None


def _contains(within: Value, item: Value) -> bool:
    if isinstance(within, str):
        return to_string(item).casefold() in within.casefold()
    if _is_array(within):
        return any(equal(element, item) for element in cast("Sequence[Value]", within))
    raise ExpressionError(f"contains of {within!r}, which is neither text nor array")


def _from_json(text: Value) -> Value:
    return from_json(to_string(text))


def _to_json(value: Value) -> Value:
    return json.dumps(value)


def _hash_files(*patterns: Value) -> Value:
    """Names the entry of a cache: in one commit the same patterns have the same hash."""
    return f"hash of {' '.join(to_string(pattern) for pattern in patterns)}"


_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "contains": _contains,
    "fromjson": _from_json,
    "hashfiles": _hash_files,
    "tojson": _to_json,
}


def _number(value: Value) -> float:
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0.0
        except ValueError:
            return math.nan
    return float(cast("bool | float | None", value) or 0)


def _is_object(value: Value) -> bool:
    return isinstance(value, dict)


def _is_array(value: Value) -> bool:
    return isinstance(value, list | tuple)


class _Parser:
    """Evaluates while it reads. Both sides of && and || are read; neither has an effect."""

    def __init__(self, text: str, contexts: Mapping[str, Value], functions: Functions) -> None:
        self._text = text
        self._contexts = contexts
        self._functions = functions
        self._tokens = self._split(text)
        self._at = 0

    def whole(self) -> Value:
        value = self._or()
        if self._at != len(self._tokens):
            raise self._unknown()
        return value

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise ExpressionError(f"not known here: {text[position:].strip()} in {text.strip()}")
            tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            position = match.end()
        return tokens

    def _or(self) -> Value:
        value = self._and()
        while self._take("||"):
            other = self._and()
            value = value if truthy(value) else other
        return value

    def _and(self) -> Value:
        value = self._equality()
        while self._take("&&"):
            other = self._equality()
            value = other if truthy(value) else value
        return value

    def _equality(self) -> Value:
        value = self._not()
        while True:
            if self._take("=="):
                value = equal(value, self._not())
            elif self._take("!="):
                value = not equal(value, self._not())
            else:
                return value

    def _not(self) -> Value:
        return not truthy(self._not()) if self._take("!") else self._path()

    def _path(self) -> Value:
        value = self._primary()
        while True:
            if self._take("."):
                value = self._elements(value) if self._take("*") else self._property(value, self._next("name"))
            else:
                return tuple(value) if isinstance(value, _Filtered) else value

    def _primary(self) -> Value:
        if self._take("("):
            value = self._or()
            self._expect(")")
            return value
        kind, token = self._peek()
        self._at += 1
        if kind == "string":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return float(token)
        if kind != "name":
            self._at -= 1
            raise self._unknown()
        if self._take("("):
            return self._call(token)
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token not in self._contexts:
            raise ExpressionError(f"no context {token} here: {self._text.strip()}")
        return self._contexts[token]

    def _call(self, name: str) -> Value:
        arguments: list[Value] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._or())
        if name in self._functions and not arguments:
            return self._functions[name]()
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise ExpressionError(f"no function {name} here: {self._text.strip()}")
        return function(*arguments)

    def _property(self, value: Value, name: str) -> Value:
        """A property of an object, without regard to case; null where there is none."""
        if isinstance(value, _Filtered):
            return _Filtered(self._property(element, name) for element in value)
        if not isinstance(value, dict):
            return None
        properties = cast("Mapping[str, Value]", value)
        return next((found for key, found in properties.items() if key.casefold() == name.casefold()), None)

    @staticmethod
    def _elements(value: Value) -> _Filtered:
        if isinstance(value, dict):
            return _Filtered(cast("Mapping[str, Value]", value).values())
        return _Filtered(cast("Sequence[Value]", value) if _is_array(value) else ())

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self, operator: str) -> bool:
        taken = self._peek() == ("operator", operator)
        self._at += taken
        return taken

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise self._unknown()

    def _next(self, kind: str) -> str:
        found, token = self._peek()
        if found != kind:
            raise self._unknown()
        self._at += 1
        return token

    def _unknown(self) -> ExpressionError:
        return ExpressionError(f"not known here: {self._peek()[1] or 'its end'} in {self._text.strip()}")
