"""How long the checks take, compared with the same binaries called once each, as scripts in CI do.

The first run believes no kept verdict. Before the second run of a generated tree ten of its objects change; this
repository's own tree stays as it is.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.table import Table

from checks import binaries, manifests, schemas
from checks.config import load
from checks.run import run
from tests.checks import generated
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from checks.findings import Stage


SIZES = (100, 1000)
RUNS = 3
CHANGED = 10
"""Objects that change between two runs."""
LINES = "objects.jsonl"
"""The file with what kube-validate reads."""


@dataclass(frozen=True)
class Tree:
    """A repository, and the paths of its Flux Kustomizations."""

    root: Path
    paths: list[str]

    def checks(self, *options: str) -> None:
        """Ours, as a command."""
        _run(sys.executable, "-m", "fleet", "check", str(self.root), *options)

    def change(self, number: int) -> None:
        """Give ten Deployments another image, if the tree is a generated one."""
        left = CHANGED
        for file in sorted(self.root.rglob("*.yaml")) if self.root != REPOSITORY else ():
            text = file.read_text()
            changed = re.sub(r":v1\.2\.\d+", f":v1.2.{number}", text, count=left)
            left -= text.count(":v1.2.") if changed != text else 0
            file.write_text(changed)
            if left <= 0:
                break

    def chain(self, folder: Path) -> None:
        """yamllint of all files, kustomize build of each path, the validators and kyverno of what comes of it."""
        config = REPOSITORY / "checks" / "yamllint.yaml"
        _run(sys.executable, "-m", "yamllint", f"--config-file={config}", str(self.root / "k8s"))
        built = self.built(folder)
        locations = schemas.ensure("1.36", binaries.say).locations
        options = [option for location in locations for option in ("-schema-location", location)]
        _run(str(binaries.kubeconform()), "-strict", *options, str(built))
        _run(str(binaries.kube_validate()), stdin=(folder / LINES).read_text())
        policies = [str(path) for path in (folder / "policies").glob("*/policy.yaml")]
        _run(str(binaries.kyverno()), "apply", *policies, f"--resource={built}", "--policy-report")

    def built(self, folder: Path) -> Path:
        """The file of all objects, their variables replaced."""
        sync = self.root / "k8s" / "flux-system" / "flux-system" / "kustomizations.yaml"
        texts = [
            sync.read_text(),
            *(_run(str(binaries.kustomize()), "build", str(folder / path)) for path in self.paths),
        ]
        samples = load(self.root).variables["ConfigMap/flux-system/terraform-outputs"]
        text = "\n---\n".join(texts)
        for name, variable in samples.items():
            text = text.replace(f"${{{name}}}", variable.sample)
        built = folder / "objects.yaml"
        built.write_text(text)
        return built


def table(console: Console) -> None:
    """Print the times, their ratios, how they grow, and each stage's share."""
    shown = Table(
        *("objects", "first run, s", "the binaries, s", "ratio"),
        *("second run, s", "ratio", "share of each stage in it, %"),
    )
    took: dict[int, float] = {}
    trees = {size: _tree(size) for size in (*SIZES, 0)}
    for size in (0, *SIZES):
        tree = trees[size]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _plain(tree, folder)
            objects = [each for each in yaml.load_all(tree.built(folder).read_text(), manifests.Loader) if each]
            (folder / LINES).write_text("\n".join(json.dumps({"object": each}) for each in objects))
            first = _fastest(lambda tree=tree: tree.checks("--no-cache"))
            theirs = _fastest(lambda tree=tree, folder=folder: tree.chain(folder))
        tree.checks()
        second = _fastest(tree.checks, tree.change)
        took[size] = first
        label = str(size) if size else "this tree"
        figures = (first, theirs, first / theirs, second, second / theirs)
        shown.add_row(label, *(f"{figure:.2f}" for figure in figures), _shares(tree.root))
    console.print(shown)
    small, large = SIZES
    console.print(f"{large // small} times the objects take {took[large] / took[small]:.1f} times as long")
    for size in SIZES:
        shutil.rmtree(trees[size].root)


def _tree(size: int) -> Tree:
    if not size:
        names = ("infrastructure", "infrastructure-configs", "applications", "infrastructure/flux-image-automation")
        return Tree(REPOSITORY, [f"k8s/{name}" for name in names])
    root = Path(tempfile.mkdtemp(prefix="infra-fleet-bench-"))
    paths = generated.write(root, size)
    shutil.copytree(REPOSITORY / "policies", root / "policies")
    config = yaml.safe_load((root / "checks.yaml").read_text())
    (root / "checks.yaml").write_text(yaml.safe_dump({**config, "policies": "policies"}))
    return Tree(root, paths)


def _plain(tree: Tree, folder: Path) -> None:
    """What the binaries can read: a kustomization file in each folder, policies with values for variables."""
    for name in ("k8s", "policies"):
        shutil.copytree(tree.root / name, folder / name)
    for path in tree.paths:
        if not (folder / path / "kustomization.yaml").exists():
            files = [str(file.relative_to(folder / path)) for file in sorted((folder / path).rglob("*.yaml"))]
            (folder / path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": files}))
    registry = load(tree.root).variables["ConfigMap/flux-system/terraform-outputs"]["ECR_REGISTRY"].sample
    for policy in (folder / "policies").glob("*/policy.yaml"):
        policy.write_text(policy.read_text().replace("${ECR_REGISTRY}", registry))


def _shares(root: Path) -> str:
    """Each stage's share of a run, in percent."""
    began: list[tuple[Stage, float]] = []
    run(root, load(root), began=lambda stage: began.append((stage, time.perf_counter())))
    ends = [*(moment for _, moment in began[1:]), time.perf_counter()]
    total = ends[-1] - began[0][1]
    return ", ".join(
        f"{stage.value} {100 * (end - start) / total:.0f}" for (stage, start), end in zip(began, ends, strict=True)
    )


def _fastest(call: Callable[[], None], before: Callable[[int], None] = lambda _: None) -> float:
    """The fewest seconds of some calls; `before` is told the number of each, from 4 on, and takes no time."""
    times: list[float] = []
    for number in range(RUNS):
        before(number + 4)
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def _run(*command: str, stdin: str = "") -> str:
    """Run a command that finds nothing wrong; its output."""
    done = subprocess.run(command, cwd=REPOSITORY, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout
