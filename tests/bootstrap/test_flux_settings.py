"""bootstrap.yaml: its defaults, and one line for each error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bootstrap import flux_settings
from common.errors import FleetError
from infra.contract.versions import FLUX
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def test_bootstrap_yaml_keeps_the_defaults() -> None:
    own = flux_settings.load(REPOSITORY / "bootstrap.yaml")
    assert (own.branch, own.path, own.version, own.hostname) == ("main", "k8s/flux-system", FLUX, "github.com")
    assert own.all_components == (
        *("source-controller", "kustomize-controller", "helm-controller"),
        *("image-reflector-controller", "image-automation-controller"),
    )
    assert own.folder == "k8s/flux-system/flux-system"
    assert own == flux_settings.Settings.model_validate({"repository": own.repository})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "repository: Field required"),
        ("repository: infra-fleet", "repository = 'infra-fleet': must be OWNER/NAME"),
        ("repository: a/b\npaht: x", "paht = 'x': Extra inputs are not permitted"),
        ("repository: a/b\npath: ../x", "path = '../x': must be a folder of the repository"),
        ("repository: a/b\nversion: v2.9.5", "version = 'v2.9.5'"),
        ("repository: a/b\ncomponents: [source-controler]", "no controller of Flux 2.9.5: source-controler"),
        ("repository: a/b\ncomponents: [source-controller]", "components must have kustomize-controller"),
        ("repository: a/b\ndeadlines: {nodes: -1}", "deadlines.nodes = -1"),
        ("repository: a/b\ncaFile: /nowhere", "caFile = '/nowhere' is not a file"),
        ("repository: [", "is not valid YAML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bootstrap.yaml"
    file.write_text(text)
    with pytest.raises(FleetError) as error:
        flux_settings.load(file)
    assert str(error.value).startswith(str(file))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
