"""The image flow: markers in the manifests, policies that choose tags, and the automation that writes them.

No image controller can run in a test, so these rules guard the flow before the merge.
Source: Flux documentation, "Configure image update for custom resources" (markers), ImagePolicy and
ImageUpdateAutomation (image.toolkit.fluxcd.io/v1).
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from checks.manifests import at, mapping
from checks.selectors import selects as takes_labels
from common import semver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Object, SourceFile, Tree

IMAGE_GROUP = "image.toolkit.fluxcd.io"
AUTOMATION = "ImageUpdateAutomation"
PARTS = ("tag", "name", "digest")
_MARKER = re.compile(r"\S.*\s#+([^#]*\$imagepolicy.*)")
"""Of a value: a line that is a comment as a whole marks nothing."""

_LINE = re.compile(r"\s*(?:-\s+)?(?P<key>[\w.\"'-]+):\s*(?P<value>.*?)\s*#")


@dataclass(frozen=True)
class Marker:
    """A comment that says which policy sets the value before it."""

    file: str
    line: int
    key: str
    value: str
    policy: str
    """`<namespace>/<name>`; empty if the comment is not a marker."""
    part: str
    """`tag`, `name`, `digest`, or empty for the whole image."""

    @property
    def label(self) -> str:
        """What findings call it."""
        return f"marker {self.policy}"

    @property
    def tag(self) -> str | None:
        """The tag in the value; None for a value without one."""
        match self.part:
            case "tag":
                return self.value
            case "":
                return self.value.partition("@")[0].rpartition("/")[2].partition(":")[2]
            case _:
                return None


def markers(tree: Tree) -> tuple[Marker, ...]:
    """The markers of this cluster: in files that its automations write to, or that name one of its policies.

    A file that its Flux Kustomizations neither read nor have beneath their paths is another cluster's.
    """
    automations = [each for each in of_kind(tree, AUTOMATION) if writes_here(tree, each)]
    known = policies(tree)
    # The root may lie above all clusters.
    parts = tree.kustomizations[1:] or tree.kustomizations
    found: list[Marker] = []
    for file in tree.files.values():
        if "$imagepolicy" not in file.text:
            continue
        is_own = file.name in tree.reached or any(each.covers(file.name) for each in parts)
        is_written = any(writes_to(each, file.name) for each in automations)
        found += [each for each in _markers(file) if is_own and (is_written or each.policy in known)]
    return tuple(found)


def writes_here(tree: Tree, automation: Object) -> bool:
    """Whether an ImageUpdateAutomation writes to this repository."""
    reference = mapping(automation.spec.get("sourceRef"))
    kind, namespace = reference.get("kind") or "GitRepository", reference.get("namespace") or automation.namespace
    return (str(kind), str(namespace), str(reference.get("name"))) in tree.sources


def _markers(file: SourceFile) -> Iterator[Marker]:
    for number, text in enumerate(file.text.splitlines(), 1):
        found = _MARKER.fullmatch(text.strip())
        if found is None or text.lstrip().startswith("#"):
            continue
        line = _LINE.match(text)
        key, value = (line["key"].strip("\"'"), _plain(line["value"])) if line else ("", "")
        try:
            setter = str(mapping(json.loads(found[1])).get("$imagepolicy", ""))
        except ValueError:
            setter = ""
        parts = setter.split(":")
        is_marker = len(parts) == 2 or (len(parts) == 3 and parts[2] in PARTS)
        policy = f"{parts[0]}/{parts[1]}" if is_marker else ""
        yield Marker(file.name, number, key, value, policy, parts[2] if is_marker and len(parts) == 3 else "")


def _plain(value: str) -> str:
    try:
        return str(yaml.safe_load(value))
    except yaml.YAMLError:
        return value


def policies(tree: Tree) -> dict[str, Object]:
    """The ImagePolicies by id."""
    return {each.id: each for each in of_kind(tree, "ImagePolicy")}


def of_kind(tree: Tree, kind: str) -> list[Object]:
    """The image automation objects of a kind."""
    return [each for each in tree.objects if (each.group, each.kind) == (IMAGE_GROUP, kind)]


def update_path(automation: Object) -> str:
    """The folder or file that an ImageUpdateAutomation writes to, from the root, without ./ before it."""
    return posixpath.normpath(str(at(automation.spec, "update", "path") or ".").strip("/") or ".")


def writes_to(automation: Object, file: str) -> bool:
    """Whether a file is, or lies under, the path of an ImageUpdateAutomation."""
    path = update_path(automation)
    return path in (".", file) or file.startswith(f"{path}/")


def follows(automation: Object, policy: Object) -> bool:
    """Whether an ImageUpdateAutomation asks a policy: one of its own namespace, that its policySelector takes.

    Source: image-automation-controller 1.2.4, getPolicies.
    """
    labels = mapping(at(policy.manifest, "metadata", "labels"))
    return automation.namespace == policy.namespace and takes_labels(
        mapping(automation.spec.get("policySelector")), labels
    )


def selects(policy: Object, tag: str) -> bool | None:
    """Whether a policy would consider a tag; None if that cannot be said, as for an order by number or alphabet.

    Raises:
        RangeError: its semver range is none.
        re.error, IndexError: its pattern is not a regular expression, or has no such group as it extracts.
    """
    wanted = at(policy.spec, "policy", "semver", "range")
    versions = semver.parse_range(wanted) if isinstance(wanted, str) else None
    pattern, extract = (at(policy.spec, "filterTags", field) for field in ("pattern", "extract"))
    candidate = tag
    if isinstance(pattern, str):
        found = re.search(_python(pattern), tag)
        if found is None:
            return False
        if isinstance(extract, str) and extract:
            candidate = found.expand(re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", extract))
    if versions is None:
        return None
    version = semver.parse(candidate)
    return version is not None and version in versions


_POSIX = {"[:digit:]": "0-9", "[:alpha:]": "a-zA-Z", "[:alnum:]": "a-zA-Z0-9", "[:lower:]": "a-z", "[:upper:]": "A-Z"}


def _python(pattern: str) -> str:
    """A pattern of Go's regexp as Python has it, as far as tags are told by them."""
    for name, members in _POSIX.items():
        pattern = pattern.replace(name, members)
    return pattern.replace(r"\z", r"\Z")
