"""Substitution on whole trees: through kustomize, the declared values and the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks import binaries, tree
from checks.config import load
from checks.model import Model
from checks.rules.substitution import no_value, not_substituted, unparsable
from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DECLARED = {"ONE": "declared", "BOTH": "hidden"}
INLINE = {"BOTH": "own", "OWN": "inline"}
VALUES = DECLARED | INLINE
WORDS = st.text("ab .:'\"#{}-", max_size=6)


@dataclass(frozen=True)
class Use:
    """A variable in a text, as it is written and as Flux reads it."""

    name: str
    default: str | None
    escaped: bool

    @property
    def written(self) -> str:
        default = "" if self.default is None else f":-{self.default}"
        return f"{'$' if self.escaped else ''}${{{self.name}{default}}}"

    @property
    def read(self) -> str:
        return self.written[1:] if self.escaped else VALUES.get(self.name, self.default or "")

    @property
    def is_unset(self) -> bool:
        return not self.escaped and self.default is None and self.name not in VALUES


USES = st.builds(
    Use,
    name=st.sampled_from([*VALUES, "NOBODYS", "OTHER"]),
    default=st.none() | st.sampled_from(["default", "d-1"]),
    escaped=st.booleans(),
)
TEXTS = st.lists(st.tuples(WORDS, USES), max_size=3)


def _write(root: Path, texts: list[list[tuple[str, Use]]], *, values: bool) -> Path:
    trees.write(root)
    config = {
        "kubernetes": "1.36",
        "bootstrap": {"path": "k8s/flux-system"},
        "variables": {"ConfigMap/flux-system/values": {key: {"sample": value} for key, value in DECLARED.items()}},
    }
    (root / "checks.yaml").write_text(yaml.safe_dump(config))
    post_build = {"substitute": INLINE, "substituteFrom": [{"kind": "ConfigMap", "name": "values"}]} if values else {}
    flux = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "applications", "namespace": "flux-system"},
        "spec": {
            "path": "k8s/applications",
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
            "postBuild": post_build,
        },
    }
    (root / "k8s/flux-system/flux-system/kustomizations.yaml").write_text(yaml.safe_dump(flux))
    data = {f"key{number}": _text(text, written=True) for number, text in enumerate(texts)}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}
    (root / "k8s/applications/config.yaml").write_text(yaml.safe_dump(settings))
    return root


def _text(text: list[tuple[str, Use]], *, written: bool) -> str:
    return "text " + "".join(word + (use.written if written else use.read) for word, use in text)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_what_has_values_is_replaced_and_what_has_none_is_found(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[tuple[str, Use]]]
) -> None:
    root = _write(tmp_path_factory.mktemp("values"), texts, values=True)
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    unset = {use.name for text in texts for _, use in text if use.is_unset}
    assert {finding.why.split('"')[1] for finding in no_value.check(Model(model))} == unset
    assert list(unparsable.check(Model(model))) == []
    if not unset:
        (applied,) = [each for each in model.objects if each.name == "settings"]
        assert list(applied.manifest["data"].values()) == [_text(text, written=False) for text in texts]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_without_values_a_text_is_applied_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[tuple[str, Use]]]
) -> None:
    root = _write(tmp_path_factory.mktemp("none"), texts, values=False)
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    (applied,) = [each for each in model.objects if each.name == "settings"]
    assert list(applied.manifest["data"].values()) == [_text(text, written=True) for text in texts]
    declared = [use for text in texts for _, use in text if not use.escaped and use.name in DECLARED]
    assert len(list(not_substituted.check(Model(model)))) == bool(declared)


def test_a_values_newlines_are_taken_out_as_flux_does(tmp_path: Path) -> None:
    text = [("", Use("NAME", default=None, escaped=False))]
    root = _write(tmp_path, [text], values=True)
    kustomizations = root / "k8s/flux-system/flux-system/kustomizations.yaml"
    flux = yaml.safe_load(kustomizations.read_text())
    flux["spec"]["postBuild"] = {"substitute": {"NAME": "one\ntwo\n"}}
    kustomizations.write_text(yaml.safe_dump(flux))
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    (applied,) = [each for each in model.objects if each.name == "settings"]
    assert list(applied.manifest["data"].values()) == ["text onetwo"]
