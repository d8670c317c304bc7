"""A checkout that is behind, and what `fleet versions` says of it: the excerpt of docs/upgrade.md.

`python -m tests.delivery.version_example` writes the page's excerpts anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from delivery.fleet_versions import run
from delivery.version_choice import Build, ChartVersion, Minor, Offers
from delivery.version_proposal import Kind
from delivery.version_sources import NOT_ASKED, Sources
from tests.support.checkout import REPOSITORY
from tests.support.printed import printed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from delivery.version_pins import Pins
    from delivery.version_report import Report

PAGE = REPOSITORY / "docs" / "upgrade.md"
TODAY = date(2026, 12, 1)
REPOSITORIES = "https://charts.example.com"

CONTRACT = """\
# renovate: datasource=endoflife-date depName=amazon-eks versioning=loose
KUBERNETES_DEFAULT = "1.35"
KUBERNETES: Mapping[str, KubernetesVersion] = MappingProxyType(
    {
        version.minor: version
        for version in (
            KubernetesVersion("1.35", date(2027, 3, 27)),  # a comment
        )
    }
)
ADDONS: Mapping[str, AddonVersions] = MappingProxyType(
    {
        "vpc-cni": AddonVersions("1.35", ("v1.22.4-eksbuild.3",)),
        "kube-proxy": AddonVersions("1.35", ("v1.35.4-eksbuild.9",)),  # of the minor
    }
)
FLUX = "2.9.5"
CHARTS: Mapping[str, str] = MappingProxyType({"aws-load-balancer-controller": "3.5.0"})
"""
CHECKS = """\
# What `make check` must know.
kubernetes: "1.35"
charts:
  aws-load-balancer-controller: 3.5.0 # one line
"""
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: aws-load-balancer-controller}
spec:
  chart:
    spec:
      chart: aws-load-balancer-controller
      # An exact version.
      version: '3.5.0'
      sourceRef: {kind: HelmRepository, name: eks-charts}
"""
SOURCE = f"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {{name: eks-charts}}
spec: {{url: {REPOSITORIES}/}}
"""
LAYER = """\
config:
  infra-fleet-permanent:accountId: "111122223333"
  infra-fleet-permanent:region: eu-west-2
  infra-fleet-permanent:githubRepository: your-org/infra-fleet
  infra-fleet-permanent:clusters: [staging]
  infra-fleet-permanent:alarmEmail: platform@example.com
"""
FILES = {
    "Pulumi.yaml": "name: infra-fleet\n",
    "Pulumi.staging.yaml": "config:\n  infra-fleet:environment: staging # no version of its own\n",
    "permanent/Pulumi.account.yaml": LAYER,
    "infra/contract/versions.py": CONTRACT,
    "checks.yaml": CHECKS,
    "k8s/infrastructure/release.yaml": RELEASE,
    "k8s/infrastructure/source.yaml": SOURCE,
}


def build(version: str, *minors: str, default: tuple[str, ...] = ()) -> Build:
    """A build of an add-on for some minors, and EKS's default for some of them."""
    return Build(version, frozenset(minors), frozenset(default))


OFFERS = Offers(
    {
        "1.34": Minor(date(2026, 12, 2), date(2027, 12, 2)),
        "1.35": Minor(date(2027, 3, 27), date(2028, 3, 27)),
        "1.36": Minor(date(2027, 8, 2), date(2028, 8, 2)),
    },
    {
        "vpc-cni": [
            build("v1.22.4-eksbuild.3", "1.35", "1.36", default=("1.35", "1.36")),
            build("v1.23.2-eksbuild.1", "1.35", "1.36"),
        ],
        "kube-proxy": [
            build("v1.35.4-eksbuild.9", "1.35", default=("1.35",)),
            build("v1.36.0-eksbuild.25", "1.36", default=("1.36",)),
            build("v1.36.0-eksbuild.45", "1.36"),
        ],
    },
    ["2.9.6", "2.9.5", "2.8.8", "2.7.9"],
    {
        f"{REPOSITORIES}/aws-load-balancer-controller": [
            ChartVersion("3.6.0", "v3.6.0", ">=1.22.0-0"),
            ChartVersion("3.5.0", "v3.5.0", ">=1.22.0-0"),
        ]
    },
)
"""The dates and builds that were published in October 2026; the chart's range is made up."""


@dataclass(frozen=True)
class Known(Sources):
    """Sources that answer at once."""

    known: Offers = OFFERS

    def offers(self, pins: Pins) -> Offers:
        """What is known; nothing of what is pinned besides."""
        addons = {name: self.known.addons.get(name, NOT_ASKED) for scope in pins.scopes for name in scope.addons}
        return Offers(self.known.kubernetes, addons, self.known.flux, self.known.charts)


def checkout(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """A committed checkout, with further files or other texts by their path."""
    for path, text in {**FILES, **(files or {})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    shutil.copy(REPOSITORY / "renovate.json", root)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    return root


def git(root: Path, *arguments: str) -> None:
    """Run git as on one day."""
    day = "2026-11-02T12:00:00Z"
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    environment = {**os.environ, "GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day}
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, env=environment)


def commit(root: Path) -> None:
    """Commit all that is there."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=x")


def report(root: Path, *only: Kind, offers: Offers | None = OFFERS, write: bool = False, today: date = TODAY) -> Report:
    """What the command reports; without offers, as with --offline."""
    sources = Sources(None) if offers is None else Known(None, known=offers)
    return run(root, sources, today, frozenset(only or Kind), write=write)


def excerpts() -> dict[str, str]:
    """Name → what the page shows under it: the beginning of what is printed."""
    with tempfile.TemporaryDirectory() as folder:
        root = checkout(Path(folder))
        shown = {"all": printed(report(root).shown), "offline": printed(report(root, offers=None).shown)}
    for name, after in (("all", "--- a/k8s/"), ("offline", "Renovate moves")):
        (cut, *_) = (index for index, line in enumerate(shown[name]) if line.startswith(after))
        shown[name] = shown[name][:cut]
    return {name: "\n".join(line.rstrip() for line in lines) for name, lines in shown.items()}


def with_excerpts(page: str) -> str:
    """The page with its excerpts as they are today, each after a comment with its name."""
    for name, text in excerpts().items():
        block = re.compile(rf"(<!-- fleet versions: {name} -->\n```\w*\n).*?(^```$)", re.DOTALL | re.MULTILINE)
        page, count = block.subn(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)
        assert count == 1, name
    return page


if __name__ == "__main__":
    PAGE.write_text(with_excerpts(PAGE.read_text("utf-8")), "utf-8")
