"""Digests as pulumi prints them, and a reader of Markdown that knows fences."""

from __future__ import annotations

import re
from typing import Any

from delivery.preview_steps import SIGNATURE, Digest

Document = dict[str, Any]

SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc", "plaintext": '"hunter2"'}


def urn(name: str, kind: str = "aws:ec2/vpc:Vpc") -> str:
    return f"urn:pulumi:staging::infra-fleet::infra-fleet:index:Network${kind}::{name}"


def step(op: str, name: str, old: Document | None = None, new: Document | None = None, **more: Any) -> Document:
    """A step with the inputs of its resource before and after, next to outputs that nobody should see."""
    made: Document = {"op": op, "urn": urn(name, more.pop("kind", "aws:ec2/vpc:Vpc")), "detailedDiff": None, **more}
    for key, inputs in (("oldState", old), ("newState", new)):
        if inputs is not None:
            made[key] = {"urn": made["urn"], "inputs": inputs, "outputs": {"arn": "an-output"}}
    return made


def tagged(name: str, owner: Any = "me") -> Document:
    """An update of one tag."""
    return step(
        "update",
        name,
        {"tagsAll": {"project": "x"}},
        {"tagsAll": {"project": "x", "owner": owner}},
        diffReasons=["tagsAll"],
        detailedDiff={"tagsAll.owner": {"kind": "add", "inputDiff": True}},
    )


def replaced(name: str) -> Document:
    return step(
        "replace",
        name,
        {"cidrBlock": "10.0.0.0/16"},
        {"cidrBlock": "10.1.0.0/16"},
        diffReasons=["cidrBlock"],
        replaceReasons=["cidrBlock"],
        detailedDiff={"cidrBlock": {"kind": "update-replace", "inputDiff": True}},
    )


def digest(*steps: Document, same: int = 0, **more: Any) -> Digest:
    unchanged = [step("same", f"same-{number}", {}, {}, kind="aws:ec2/subnet:Subnet") for number in range(same)]
    config = {"infra-fleet:accountId": "999988887777"}
    return Digest.model_validate({"config": config, "steps": [*steps, *unchanged], **more})


def outside_of_fences(markdown: str) -> str:
    """The text that is read as Markdown; fails where a fence is left open. CommonMark 0.31, fenced code blocks."""
    found: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        if fence:
            close = re.fullmatch(r" {0,3}(`+)[ \t]*", line)
            if close and len(close[1]) >= len(fence):
                fence = ""
            continue
        opening = re.match(r" {0,3}(`{3,})[^`]*$", line)
        if opening:
            fence = opening[1]
        else:
            found.append(line)
    assert not fence
    return "\n".join(found)
