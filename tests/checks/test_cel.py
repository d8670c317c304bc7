"""What CEL's parser refuses, and what it takes."""

from __future__ import annotations

import pytest

from checks import cel


@pytest.mark.parametrize(
    "text",
    [
        "self.spec.replicas == 1 ? dep.status.ready : !has(dep.status)",
        "dep.status.conditions.filter(e, e.type == 'Ready').all(e, e.status == \"True\")",
        "dep.metadata.labels['a'] in [r'\\d', b\"x\", '''it's''', 1, -2u, .5, 1e3, 0xFF]",
        "{'a': 1, 'b': [2,],}.map(k, v, k + v).size() > 0 // a remark",
        "cel.bind(x, self.spec, x.?replicas.orValue(0) > math.greatest(1, 2))",
        "type(self) == map && dep.`x-y`[?0] != optional.none()",
        "google.protobuf.Struct{fields: {}} == self",
        "self.spec.in_use || self.if",
    ],
)
def test_an_expression_is_taken(text: str) -> None:
    cel.check(text, {"self", "dep"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "mismatched input 'the end'"),
        ("dep.status = true", "token recognition error at '= true'"),
        ("dep.status == ", "mismatched input 'the end'"),
        ("dep.status and self", "mismatched input 'and', expecting 'the end'"),
        ("(dep", "mismatched input 'the end', expecting ')'"),
        ("[1, 2", "mismatched input 'the end', expecting ','"),
        ("size(1,)", "after ','"),
        ("dep.'x'", "no viable alternative"),
        ("'\\q'", "token recognition error"),
        ("if", "reserved identifier"),
        ("true ? 1", "expecting ':'"),
        ("dep.status == ready", "undeclared reference to 'ready'"),
        ("dependency.status.exists(x, x)", "undeclared reference to 'dependency'"),
    ],
)
def test_what_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(cel.CelError, match=why.replace("'", ".").replace("(", ".").replace(")", ".")):
        cel.check(text, {"self", "dep"})


def test_where_it_is_only_parsed_a_variable_may_be_any() -> None:
    cel.check("status.phase == ready")
