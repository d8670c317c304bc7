"""Where pins stand in a checkout, to the character: the contract, stack files, checks.yaml and the HelmReleases."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, cast

import yaml

from common.errors import CannotRunError, FleetError, unreadable
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CONTRACT, CHECKS, MANIFESTS = "infra/contract/versions.py", "checks.yaml", "k8s"
CHART_KINDS = re.compile(r"^kind: Helm(?:Release|Repository)$", re.MULTILINE)
"""At the start of a line: a CustomResourceDefinition names its kind further in."""


@dataclass(frozen=True)
class Place:
    """A part of a file that says a version."""

    path: str
    """From the checkout's root."""
    start: int
    end: int
    """Offsets in the file's text, in characters."""
    line: int
    """From 1."""


@dataclass(frozen=True)
class Edit:
    """A place, and the text that it is to have."""

    place: Place
    text: str


@dataclass(frozen=True)
class Scope:
    """A Kubernetes version and the add-ons for it: the contract's, or those that one stack's file names.

    Attributes:
        name: the stack; empty for the contract.
        kubernetes: the minor that its add-ons run on.
        at: where it is said; None: the stack takes the contract's.
        addons: add-on → version.
        places: add-on → where its version is said; in the contract with the minor and the other known versions.
        ami_releases: node groups that pin an AMI of the minor.
    """

    name: str
    kubernetes: str
    at: Place | None
    addons: Mapping[str, str]
    places: Mapping[str, Place]
    ami_releases: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file that says it."""
        return f"Pulumi.{self.name}.yaml" if self.name else CONTRACT


@dataclass(frozen=True)
class Chart:
    """A chart that a HelmRelease installs in one version."""

    name: str
    version: str
    places: tuple[Place, ...]
    """The HelmRelease first."""
    repository: str
    """URL of the repository, with `oci://` for a registry; empty: no HelmRepository of its name is in the checkout."""
    is_insecure: bool = False
    """Whether the registry is asked over HTTP."""

    @property
    def key(self) -> str:
        """What its versions are listed under."""
        return f"{self.repository}/{self.name}"


@dataclass(frozen=True)
class Support:
    """A minor of the contract's table of support dates."""

    until: date
    """The last day of standard support."""
    at: Place


@dataclass(frozen=True)
class Contract:
    """What `infra/contract/versions.py` pins."""

    scope: Scope
    flux: str
    flux_at: Place
    charts: Mapping[str, tuple[str, Place]]
    support: Mapping[str, Support]
    support_ends: Place
    """Where a further minor is added to the table: an empty place at the end of the last one's line."""


@dataclass(frozen=True)
class Pins:
    """All pins of a checkout."""

    contract: Contract
    stacks: tuple[Scope, ...]
    charts: tuple[Chart, ...]
    kubernetes_elsewhere: tuple[Place, ...]
    """Where else the contract's minor is said."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The contract's, then those of stacks."""
        return (self.contract.scope, *self.stacks)


def read(root: Path) -> Pins:
    """Read the pins of a checkout.

    Raises:
        CannotRunError: a file is missing, or is not of the form that this reads.
    """
    contract = contract_of(text_of(root, CONTRACT))
    stacks = [_stack(root, path.name, contract.scope.kubernetes) for path in sorted(root.glob("Pulumi.*.yaml"))]
    elsewhere: list[Place] = []
    listed: dict[str, list[Place]] = {name: [at] for name, (_, at) in contract.charts.items()}
    if (root / CHECKS).exists():
        checks = next(iter(_documents(root, CHECKS)), None)
        if minor := _at(checks, "kubernetes"):
            elsewhere.append(_place(CHECKS, minor))
        for name, node in _entries(_at(checks, "charts")):
            listed.setdefault(name, []).append(_place(CHECKS, node))
    charts = tuple(_charts(root, listed))
    return Pins(contract, tuple(stacks), charts, tuple(elsewhere))


def text_of(root: Path, path: str) -> str:
    """A file's text. Raises CannotRunError."""
    try:
        return (root / path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise CannotRunError(f"{path} is missing in {root}: `fleet versions` needs a whole checkout") from None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(root / path, error) from None


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits, each of which is of this file. Raises ValueError: two overlap."""
    ordered = sorted(edits, key=lambda each: each.place.start)
    if any(one.place.end > other.place.start for one, other in pairwise(ordered)):
        raise ValueError(f"{ordered[0].place.path}: edits overlap")
    for edit in reversed(ordered):
        text = text[: edit.place.start] + edit.text + text[edit.place.end :]
    return text


def quoted(text: str, place: Place, value: str) -> Edit:
    """Put a value in the place of a YAML scalar, in the quotes that are there."""
    quote = text[place.start]
    mark = quote if quote in "\"'" else '"' if re.fullmatch(r"\d+(\.\d+)?", value) else ""
    return Edit(place, f"{mark}{value}{mark}")


# The contract, which is Python.


def contract_of(text: str) -> Contract:
    """Read the contract's pins. Raises CannotRunError: it is not of the form that this reads."""
    try:
        tree = ast.parse(text)
        values = dict(_assigned(tree))
        return _contract(text, values)
    except (SyntaxError, KeyError, IndexError, AttributeError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise CannotRunError(f"{CONTRACT} is not of the form that `fleet versions` reads: {why}") from None


def _contract(text: str, values: Mapping[str, Any]) -> Contract:
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]

    def offset(line: int, column: int) -> int:  # ast counts bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def span(first: ast.expr, last: ast.expr | None = None) -> Place:
        end = last or first
        until = offset(cast("int", end.end_lineno), cast("int", end.end_col_offset))
        return Place(CONTRACT, offset(first.lineno, first.col_offset), until, first.lineno)

    def word(node: Any) -> str:
        if not isinstance(node.value, str):
            raise TypeError(f"line {node.lineno}: expected a string")
        return node.value

    addons = {word(key): call for key, call in _items(values["ADDONS"])}
    rows = values["KUBERNETES"].args[0].generators[0].iter.elts
    support = {word(call.args[0]): Support(date(*map(_number, call.args[1].args)), span(call.args[1])) for call in rows}
    last = span(rows[-1])
    scope = Scope(
        "",
        word(values["KUBERNETES_DEFAULT"]),
        span(values["KUBERNETES_DEFAULT"]),
        {name: word(call.args[1].elts[0]) for name, call in addons.items()},
        {name: span(call.args[0], call.args[1]) for name, call in addons.items()},
    )
    charts = {word(key): (word(value), span(value)) for key, value in _items(values["CHARTS"])}
    if not text.startswith(",", last.end):
        raise ValueError(f"line {last.line}: expected a comma behind the last minor")
    behind = text.index("\n", last.end)  # its comment stays with it
    end = Place(CONTRACT, behind, behind, last.line)
    return Contract(scope, word(values["FLUX"]), span(values["FLUX"]), charts, support, end)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value


def _items(proxy: Any) -> Iterator[tuple[Any, Any]]:
    """The items of `MappingProxyType({...})`."""
    return zip(proxy.args[0].keys, proxy.args[0].values, strict=True)


def _number(node: Any) -> int:
    return int(node.value)


# Files in YAML.


def minor_of(text: str, path: str) -> str:
    """The Kubernetes version that the text of a stack's file names; empty: none. Raises CannotRunError."""
    return _word(_at(next(iter(_composed(text, path)), None), "config", f"{names.PROJECT}:kubernetesVersion"))


def _documents(root: Path, path: str) -> list[yaml.Node]:
    return _composed(text_of(root, path), path)


def _composed(text: str, path: str) -> list[yaml.Node]:
    try:
        found: Any = yaml.compose_all(text, Loader=yaml.SafeLoader)  # pyright: ignore[reportUnknownMemberType]
        return [node for node in found if node is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise CannotRunError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _at(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """The node beneath keys, or None."""
    for key in keys:
        node = dict(_entries(node)).get(key)
    return node


def _entries(node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    pairs = cast("list[tuple[Any, yaml.Node]]", node.value)
    return [(key.value, value) for key, value in pairs if isinstance(key, yaml.ScalarNode)]


def _word(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _place(path: str, node: yaml.Node) -> Place:
    return Place(path, node.start_mark.index, node.end_mark.index, node.start_mark.line + 1)


def _stack(root: Path, path: str, kubernetes: str) -> Scope:
    config = _at(next(iter(_documents(root, path)), None), "config")
    minor = _at(config, f"{names.PROJECT}:kubernetesVersion")
    addons = _entries(_at(config, f"{names.PROJECT}:addonVersions"))
    groups = _entries(_at(config, f"{names.PROJECT}:nodeGroups"))
    return Scope(
        path.removeprefix("Pulumi.").removesuffix(".yaml"),
        _word(minor) if minor else kubernetes,
        _place(path, minor) if minor else None,
        {name: _word(node) for name, node in addons},
        {name: _place(path, node) for name, node in addons},
        tuple(name for name, group in groups if _at(group, "amiRelease")),
    )


def _charts(root: Path, listed: Mapping[str, list[Place]]) -> Iterator[Chart]:
    releases: list[tuple[str, yaml.Node]] = []
    repositories: dict[str, yaml.Node | None] = {}
    for file in sorted((root / MANIFESTS).rglob("*.yaml")):
        path = file.relative_to(root).as_posix()
        if not CHART_KINDS.search(text_of(root, path)):
            continue
        for document in _documents(root, path):
            match _word(_at(document, "kind")):
                case "HelmRelease":
                    releases.append((path, document))
                case "HelmRepository":
                    repositories[_word(_at(document, "metadata", "name"))] = _at(document, "spec")
                case _:
                    pass
    placed: set[str] = set()
    for path, document in releases:
        spec = _at(document, "spec", "chart", "spec")
        name, version = _word(_at(spec, "chart")), _at(spec, "version")
        if not name or version is None:
            continue  # a chart of a Git repository, or of an OCIRepository
        others = [] if name in placed else listed.get(name, [])
        placed.add(name)
        repository = repositories.get(_word(_at(spec, "sourceRef", "name")))
        url, insecure = _word(_at(repository, "url")), _word(_at(repository, "insecure"))
        yield Chart(name, _word(version), (_place(path, version), *others), url.rstrip("/"), insecure == "true")


def refuse_disagreement(pins: Pins, root: Path) -> None:
    """Raises FleetError: places that say one pin say different versions, so that an edit could lower one."""
    minor = pins.contract.scope.kubernetes
    wanted = [(place, chart.name, chart.version) for chart in pins.charts for place in chart.places]
    for place, name, version in [*wanted, *((place, "Kubernetes", minor) for place in pins.kubernetes_elsewhere)]:
        said = text_of(root, place.path)[place.start : place.end].strip("\"'")
        if said != version:
            raise FleetError(
                f"{place.path}:{place.line}: {name} is {said}, elsewhere {version}: set all to one version"
            )
