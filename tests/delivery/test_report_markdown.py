from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery import report, report_markdown
from delivery.meanings import MEANINGS
from delivery.preview import Preview
from delivery.preview_steps import Digest
from delivery.report import Kind, Remark, Report
from delivery.up_time import ALWAYS
from tests.delivery.digests import SECRET, Document, digest, outside_of_fences, replaced, step, tagged, urn

GITHUB_LIMIT = 65_536


TODAY = date(2026, 12, 1)


def made_of(made: Digest, failure: str | None = None, **more: Any) -> Report:
    done = Preview("infra-fleet", "staging", 0 if failure is None else 1, made, failure)
    return report.of(Kind.PREVIEW, done, ALWAYS, TODAY, **more)


def render(made: Digest, failure: str | None = None, **more: Any) -> str:
    return report_markdown.render(made_of(made, failure, **more))


def test_no_change_is_one_line() -> None:
    assert render(digest(same=58)) == (
        "<!-- infra-fleet:preview:infra-fleet/staging -->\n"
        "### Preview of <code>infra-fleet/staging</code>: no changes, 58 unchanged\n"
    )


def test_the_head_says_which_commit_was_previewed() -> None:
    head = render(digest(same=58), subject="0123456789abcdef" + "0" * 24).splitlines()[1]
    assert "at <code>0123456789ab</code>: no changes" in head
    assert "`" not in head


def test_one_tag_is_folded_with_its_path_and_value() -> None:
    assert render(digest(tagged("vpc"), same=57)) == (
        "<!-- infra-fleet:preview:infra-fleet/staging -->\n"
        "### Preview of <code>infra-fleet/staging</code>: 1 updated, 57 unchanged\n"
        "\n"
        "<details><summary>1 changed resource</summary>\n"
        "\n"
        "**update** <code>aws:ec2/vpc:Vpc</code> <code>vpc</code>\n"
        "\n"
        "```diff\n"
        '+ tagsAll.owner: "me"\n'
        "```\n"
        "\n"
        "</details>\n"
    )


def test_a_replacement_and_a_deletion_come_before_all_else() -> None:
    text = render(digest(tagged("a"), replaced("b"), step("delete", "c", {"x": 1})))

    head, folded = text.split("<details>")
    assert head.splitlines()[1:] == [
        "### Preview of <code>infra-fleet/staging</code>: 1 replaced, 1 deleted (VPC), 1 updated",
        "",
        f"- **VPC**: {MEANINGS['aws:ec2/vpc:Vpc'].replaced}",
        "- **VPC**: Everything in the VPC is deleted with it.",
        "",
        "| action | resource | because of | hangs on it |",
        "|---|---|---|---|",
        "| replace | <code>Vpc b</code> | <code>cidrBlock</code> |  |",
        "| delete | <code>Vpc c</code> | no longer in the program |  |",
        "",
    ]
    assert '- cidrBlock: "10.0.0.0/16"\n+ cidrBlock: "10.1.0.0/16"  (forces the replacement)' in folded
    assert [line.split("<code>")[2][0] for line in folded.splitlines() if line.startswith("**")] == ["b", "a"]


def test_a_replacement_after_another_says_so() -> None:
    text = render(digest(step("replace", "cluster", {}, {}, replaceReasons=["replaceWith"])))
    assert "| <code>Vpc cluster</code> | the replacement of another resource |" in text


def test_an_operation_that_is_new_to_us_is_counted_and_shown() -> None:
    text = render(digest(step("import", "a", None, {"x": 1})))
    assert "1 import" in text
    assert "**import** <code>aws:ec2/vpc:Vpc</code> <code>a</code>" in text


def test_300_changed_resources_are_cut_between_two_of_them() -> None:
    inputs = {f"key{number}": "v" * 40 for number in range(6)}
    made = digest(*(step("create", f"r{number}", None, inputs) for number in range(400)), replaced("gone"))

    text = render(made, remarks=[Remark("A remark.")], foot=["What was compared."])

    assert len(text) < GITHUB_LIMIT
    assert "1 replaced (VPC), 400 created" in text
    assert "<code>Vpc gone</code>" in text.split("<details>")[0]
    shown = text.count("**create** ") + text.count("**replace** ")
    assert f"\n{401 - shown} more resources: see the job's log\n" in text
    assert shown > 150
    assert text.count('+ key5: "') == text.count("**create** ")
    assert "> A remark." in text
    assert text.rstrip().endswith("<sub>What was compared.</sub>")


def test_400_replacements_are_all_in_the_table() -> None:
    text = render(digest(*(replaced(f"r{number}") for number in range(400))))
    assert text.split("<details>")[0].count("\n| replace |") == 400
    assert len(text) < GITHUB_LIMIT


def test_of_many_replacements_those_where_nobody_gets_hurt_are_folded() -> None:
    others = [replaced(f"s{number}") for number in range(20)]
    for each in others:
        each["urn"] = urn(each["urn"].rpartition("::")[2], "aws:ec2/subnet:Subnet")
    head, folded = render(digest(replaced("vpc"), *others)).split("<details>", 1)
    assert head.count("\n| replace |") == 1
    assert "<summary>20 more are replaced or deleted with them</summary>" in folded
    assert folded.count("\n| replace |") == 20


def test_a_change_that_is_the_same_on_many_is_told_once_with_a_list() -> None:
    text = render(digest(*(tagged(f"r{number}") for number in range(34))))
    assert text.count('+ tagsAll.owner: "me"') == 1
    assert "**The same on 34 resources**" in text
    assert text.count("<code>Vpc r") == 34
    assert "changed resource" not in text


def test_a_property_without_a_source_is_said_to_be_not_known() -> None:
    def is_known(_type: str, path: str) -> bool:
        return path != "tagsAll.owner"

    text = render(digest(tagged("vpc")), is_known=is_known)
    assert '+ tagsAll.owner: "me"  (update or replacement: not known)' in text
    assert "not known" not in render(digest(tagged("vpc")))


HOSTILE = "a `b` ```` </details> @everyone #9999 <!-- x --> | y\nz ![](https://example.com/x.png) **bold**"


@pytest.mark.parametrize(
    "made",
    [
        tagged("vpc", HOSTILE),
        step("create", HOSTILE, None, {HOSTILE: HOSTILE}),
        step("replace", "x", {HOSTILE: 1}, {HOSTILE: 2}, diffReasons=[HOSTILE], replaceReasons=[HOSTILE]),
        step("delete", HOSTILE, {}, kind="a|b`<i>:c:D"),
    ],
)
def test_text_from_elsewhere_means_nothing_to_markdown(made: Document) -> None:
    text = render(digest(made), failure=HOSTILE)

    read = outside_of_fences(text)
    assert set(re.findall(r"<[^>]*>?", read.split("\n", 1)[1])) <= {
        *("<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>")
    }
    assert read.count("<details>") == read.count("</details>") <= 1
    for foreign in ("`", "@", "#9999", "![", "**bold", "| y"):
        assert foreign not in read
    assert all(line.count("|") == 5 for line in read.splitlines() if line.startswith("|"))


def test_a_value_with_fences_stands_in_a_longer_fence() -> None:
    text = render(digest(tagged("vpc", "````")))
    assert '`````diff\n+ tagsAll.owner: "````"\n`````\n' in text


def test_a_secret_is_never_shown() -> None:
    old, new = {"password": SECRET, "token": "[secret]"}, {"password": {**SECRET, "plaintext": "x"}, "token": "y"}
    made = step("update", "db", old, new, detailedDiff={"password": {"kind": "update"}, "token": {"kind": "update"}})

    text = render(digest(made, step("create", "box", None, {"data": {"deep": [SECRET]}})))

    assert '- password: "[secret]"\n+ password: "[secret]"' in text
    assert "hunter2" not in text
    assert "plaintext" not in text


def test_neither_config_nor_outputs_are_shown() -> None:
    text = render(digest(tagged("a"), replaced("b"), step("delete", "c", {"x": 1})))
    assert "999988887777" not in text
    assert "an-output" not in text


def test_two_long_values_are_shown_where_they_differ() -> None:
    old, new = "a" * 5_000 + "one" + "z" * 5_000, "a" * 5_000 + "two" + "z" * 5_000
    made = step("update", "a", {"policy": old}, {"policy": new}, detailedDiff={"policy": {"kind": "update"}})

    text = render(digest(made))

    assert "aone" in text
    assert "atwo" in text
    assert len(text) < 1_000


def test_a_resource_of_many_properties_says_how_many_there_are() -> None:
    made = step("create", "a", None, {f"key{number}": 1 for number in range(60)})
    assert "… and 20 more properties" in render(digest(made))


def test_a_failure_comes_first_and_says_how_far_it_came() -> None:
    text = render(digest(tagged("a")), failure="error: \x1b[31mno\x1b[0m")
    assert text.startswith(
        "<!-- infra-fleet:preview:infra-fleet/staging -->\n"
        "### Preview of <code>infra-fleet/staging</code> failed\n\n"
        "```\nerror: no\n```\n\nUntil then: 1 updated\n"
    )


def test_a_failure_without_a_preview_counts_nothing() -> None:
    text = render(Digest(), failure="error: no")
    assert "Until then" not in text


def test_warnings_and_what_the_program_notes_are_shown() -> None:
    said = [("warning", "old"), ("info", "chatter"), ("info", "note: AMI release 1\n")]
    made = digest(diagnostics=[{"severity": severity, "message": message} for severity, message in said])
    assert "Warnings:\n\n```\nold\n```" in render(made)
    assert "Notes:\n\n```\nAMI release 1\n```" in render(made)
    assert "chatter" not in render(made)
    assert "Notes:" not in render(digest())


def test_a_marker_is_known_as_one() -> None:
    assert report_markdown.is_marker(report_markdown.marker("preview", "infra-fleet-permanent", "account"))
    assert not report_markdown.is_marker("# Preview")


text = st.text(max_size=30) | st.text("`~<>@#|\\\n*_[]!&", max_size=30)
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | text | st.just("x" * 5_000) | st.just("\N{GRINNING FACE}" * 300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
inputs = st.none() | st.dictionaries(text, values, max_size=5)


@st.composite
def steps(draw: st.DrawFn) -> Document:
    op = draw(st.sampled_from(["create", "update", "replace", "delete", "same", "read", "create-replacement"]))
    name = draw(text | st.just("n" * 70_000) | st.just("|" * 500))
    made = step(op, name, draw(inputs), draw(inputs))
    if draw(st.booleans()):
        kinds = st.sampled_from(["add", "update-replace", "delete"])
        made["detailedDiff"] = {path: {"kind": draw(kinds)} for path in draw(st.lists(text, max_size=4))}
    made["diffReasons"], made["replaceReasons"] = draw(st.lists(text, max_size=4)), draw(st.lists(text, max_size=4))
    return made


@given(
    made=st.lists(steps(), max_size=6),
    times=st.sampled_from([1, 2, 200]),
    failure=st.none() | text | st.just("\N{GRINNING FACE}`" * 90_000),
    warning=text | st.just("\N{GRINNING FACE}" * 90_000),
)
@settings(max_examples=40)
def test_any_preview_is_below_the_limit_and_well_formed(
    made: list[Document], times: int, failure: str | None, warning: str
) -> None:
    found = digest(*made * times, diagnostics=[{"severity": "warning", "message": warning}])

    rendered = render(found, failure)

    assert len(rendered) <= len(rendered.encode()) < GITHUB_LIMIT
    lines = rendered.split("\n")
    assert lines[0] == "<!-- infra-fleet:preview:infra-fleet/staging -->"
    assert lines[1].startswith("### Preview of <code>infra-fleet/staging</code>")
    read = outside_of_fences(rendered)
    assert read.count("<details>") == read.count("</details>")
    assert read.count("<code>") == read.count("</code>")
    assert all(line.count("|") == 5 for line in read.splitlines() if line.startswith("|"))


@given(made=steps())
def test_a_digest_survives_json(made: Document) -> None:
    there = Digest.model_validate({"steps": [made]})
    assert Digest.model_validate_json(json.dumps({"steps": [made]})) == there
