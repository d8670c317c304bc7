"""The commit of image automation: what is next to a marker moves, and no other byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.cluster.image_automation import Change, message, update

IMAGE = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/load-harness"
SETTERS = {"a:b": f"{IMAGE}:v2.0.0", "a:b:name": IMAGE, "a:b:tag": "v2.0.0"}
TAG = '# {"$imagepolicy": "a:b:tag"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"newTag: v1.0.0 {TAG}\n", f"newTag: v2.0.0 {TAG}\n"),
        (f'  - newTag: "v1.0.0"   {TAG}', f'  - newTag: "v2.0.0"   {TAG}'),
        (f"newTag: 'v1.0.0' {TAG}\r\n", f"newTag: 'v2.0.0' {TAG}\r\n"),
        ('image: x:1 # {"$imagepolicy": "a:b"}\n', f'image: {IMAGE}:v2.0.0 # {{"$imagepolicy": "a:b"}}\n'),
        ('newName: x # {"$imagepolicy": "a:b:name"}\n', f'newName: {IMAGE} # {{"$imagepolicy": "a:b:name"}}\n'),
    ],
)
def test_the_value_beside_a_marker_is_replaced_as_it_is_written(before: str, after: str) -> None:
    text, changes = update(f"one: 1\n{before}", SETTERS)
    assert text == f"one: 1\n{after}"
    assert len(changes) == 1


@pytest.mark.parametrize(
    "line",
    [
        'newTag: v1.0.0 # {"$imagepolicy": "a:other:tag"}\n',
        f"newTag: v2.0.0 {TAG}\n",
        f"# newTag: v1.0.0 {TAG}\n",
        "newTag: v1.0.0 # a comment\n",
    ],
)
def test_what_has_no_marker_of_a_policy_stays(line: str) -> None:
    assert update(line, SETTERS) == (line, [])


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="$"), max_size=30), max_size=6), st.integers(0, 6)
)
def test_every_other_byte_stays(lines: list[str], where: int) -> None:
    before, after = "\n".join(lines[:where]), "\n".join(lines[where:])
    text, changes = update(f"{before}\nnewTag: v1.0.0 {TAG}\n{after}", SETTERS)
    assert text == f"{before}\nnewTag: v2.0.0 {TAG}\n{after}"
    assert changes == [Change("a:b:tag", "v1.0.0", "v2.0.0")]


def test_the_message_names_each_change() -> None:
    template = (
        "Update\n\n{{ range .Changed.Changes -}}\n- {{ .Setter }}: {{ .OldValue }} to {{ .NewValue }}\n{{ end }}\n"
    )
    said = message(template, [Change("a:b:tag", "v1", "v2"), Change("c:d:tag", "v3", "v4")])
    assert said == "Update\n\n- a:b:tag: v1 to v2\n- c:d:tag: v3 to v4\n\n"
