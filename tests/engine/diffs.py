"""Changes to compare, in a clone that the test makes: `python -m tests.engine.diffs` writes the expected reports.

Each is a Markdown file next to this one, as a pull request would get it: read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from common.pulumi import runner
from delivery import report_markdown
from infra.contract import names
from infra.contract.versions import ADDONS
from sandbox import rehearsal
from sandbox.account.overlay.eks.versions import addon_versions
from sandbox.checkout import Checkout
from sandbox.diff import bases, compare, environments, places, store
from sandbox.diff.revisions import SHORT, Range
from sandbox.engine.pulumi import ENGINE_VARIABLE
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from delivery.report import Report

HERE = Path(__file__).parent / "diffs"
TODAY = date(2026, 12, 1)
"""The day of every comparison here."""

PROGRAM = (".gitignore", "__main__.py", "Pulumi.yaml", "Pulumi.staging.yaml", "requirements.txt")
PACKAGES = ("common", "fleet", "infra", "permanent")
"""What a clone is made of: nothing else is part of a comparison of programs."""

OTHERS = {"default": {"instanceTypes": ["m5.xlarge"], "capacityType": "ON_DEMAND"}}
OLDER: dict[str, Any] = {
    "kubernetesVersion": "1.35",
    "addonVersions": {addon: addon_versions(addon, "1.35")[0] for addon in ADDONS},
}
ELSEWHERE: dict[str, Any] = {"accountId": "210987654321", "clusterAdmins": None}
STAGING: dict[str, Any] = {
    "clusterAdmins": [f"arn:aws:iam::123456789012:role/{name}" for name in ("platform-admin", "second-admin")]
}
"""What BASE has, in addition to the repository's own file."""


@dataclass(frozen=True)
class Scenario:
    """A change from BASE to HEAD."""

    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Keys of staging that HEAD has otherwise; None takes one out."""
    layer: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Keys of the permanent layer that HEAD has otherwise."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files that HEAD has otherwise."""
    base: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Keys of staging that BASE has, in addition."""
    base_files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files that BASE has otherwise."""
    is_applied: bool = True
    """Whether `up` is run afterwards, and does what the report says."""
    is_undone: bool = True
    """Whether `up` of BASE is run after that, so that the next comparison finds it: AWS lets nobody downgrade."""


SCENARIOS: Mapping[str, Scenario] = {
    "nothing": Scenario(files={"infra/again.py": "# nothing imports it\n"}),
    "tag": Scenario({"tags": {"owner": "platform"}}),
    "node-size": Scenario({"nodeGroups": OTHERS}),
    "one-burstable-type": Scenario({"nodeGroups": {"default": {"instanceTypes": ["t3.large"]}}}),
    "log-type": Scenario({"controlPlaneLogs": ["api", "audit", "authenticator", "scheduler"]}),
    "zone": Scenario({"zones": ["eu-west-2a", "eu-west-2b", "eu-west-2c"]}),
    "cluster-name": Scenario({"clusterName": "blue"}, layer={"clusters": ["staging", "blue"]}),
    "vpc-cidr": Scenario({"vpcCidr": "10.64.0.0/16"}, is_applied=False),  # AWS refuses: delivery/meanings.py
    "nat-strategy": Scenario({"natStrategy": "per-zone"}),
    "jump-box": Scenario({"jumpBox": True}),
    "admin-removed": Scenario({"clusterAdmins": ["arn:aws:iam::123456789012:role/platform-admin"]}),
    "second-stack": Scenario(
        layer={"clusters": ["staging", "green"]},
        files={"Pulumi.green.yaml": (REPOSITORY / "Pulumi.staging.yaml").read_text() + "  infra-fleet:jumpBox: true\n"},
        is_applied=False,
    ),
    "300-changed": Scenario(
        {"clusterViewers": [f"arn:aws:iam::123456789012:role/developer-{number:03}" for number in range(150)]},
        is_applied=False,
    ),
    "broken-head": Scenario(files={"__main__.py": 'raise ValueError("a broken program")\n'}, is_applied=False),
    "unknown-setting": Scenario({"natStrtegy": "single"}, is_applied=False),
    "other-account": Scenario(ELSEWHERE, layer={"accountId": "210987654321"}, is_applied=False),
    "half-moved": Scenario(ELSEWHERE, is_applied=False),
    "kubernetes": Scenario({"kubernetesVersion": None, "addonVersions": None}, base=OLDER, is_undone=False),
    "broken-base": Scenario(base_files={"__main__.py": 'raise ValueError("a broken program")\n'}, is_applied=False),
    "older-base": Scenario(base_files={"permanent/Pulumi.account.yaml": "config: {}\n"}, is_applied=False),
    "other-packages": Scenario(
        base_files={"requirements.txt": "pulumi==3.0.0 --hash=sha256:00\n"}, files={"infra/again.py": "# x\n"}
    ),
}


@dataclass(frozen=True)
class Clone:
    """A clone with what programs are made from."""

    root: Path
    store: Path

    def git(self, *arguments: str) -> str:
        """Run git; what it prints."""
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, config: Mapping[str, Any], layer: Mapping[str, Any], files: Mapping[str, str]) -> str:
        """A commit of the repository's files with some changes; its id."""
        self.git("checkout", "--quiet", "--force", "origin-of-all")
        for name, text in files.items():
            (self.root / name).write_text(text)
        _edit(self.root / "Pulumi.staging.yaml", names.PROJECT, config)
        _edit(self.root / "permanent" / f"Pulumi.{names.PERMANENT_STACK}.yaml", names.PERMANENT_PROJECT, layer)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")

    def range_of(self, scenario: Scenario) -> Range:
        """The commits of a scenario."""
        base = self.commit({**STAGING, **scenario.base}, {}, scenario.base_files)
        config = {**STAGING, **scenario.base, **scenario.config}
        return Range(base, self.commit(config, scenario.layer, scenario.files))

    def reports(self, found: Range) -> list[Report]:
        """What `fleet diff` reports."""
        return compare.run(self.store, self.root, found, (), TODAY, lambda _line: None)

    def apply(self, commit: str, config: Mapping[str, Any]) -> dict[str, str]:
        """Run `up` of a commit's staging in BASE's account; the steps that the engine took: name → operation."""
        ground = self.ground
        self.git("checkout", "--quiet", "--force", commit)
        people = places.of_stack(self.root, "staging").people
        file, python = self.root / "Pulumi.staging.yaml", environments.own(REPOSITORY).python
        ready = rehearsal.enter(ground, Checkout(self.root), "staging", file, people, python=python)
        events = self.root.parent / "events.jsonl"
        events.unlink(missing_ok=True)
        up = ("up", "--yes", "--skip-preview", "--stack", "staging", "--event-log", str(events))
        environ = {**ready.environment, "PULUMI_DEBUG_COMMANDS": "true"}
        done = runner.run(ground.folder.project, *up, environment=environ, together=True)
        assert done.code == 0, (config, done.stderr)
        return _steps(events)

    @property
    def ground(self) -> rehearsal.Ground:
        """BASE's account."""
        (folder,) = (path for path in self.store.iterdir() if path.is_dir())
        account = rehearsal.process.find(bases.Folder(folder))
        assert account is not None
        return rehearsal.start(bases.Folder(folder), account.account_id, account.region, lambda _line: None)


def _steps(events: Path) -> dict[str, str]:
    """Label → what was done to each resource, of the engine's own log; what stayed the same is left out."""
    found: dict[str, str] = {}
    for line in events.read_text().splitlines():
        step = json.loads(line).get("resourcePreEvent", {}).get("metadata")
        kind = step and step["urn"].split("::")[2].rpartition("$")[2]
        if not step or not kind.startswith("aws:") or step["op"] in ("same", "read"):
            continue
        label = f"{kind.rpartition(':')[2]} {step['urn'].split('::', 3)[3]}"
        replaces = step["op"] in ("replace", "create-replacement", "delete-replaced", "discard-replaced")
        found[label] = "replace" if replaces or found.get(label) == "replace" else step["op"]
    return found


def _edit(path: Path, namespace: str, config: Mapping[str, Any]) -> None:
    if not config:
        return
    document = yaml.safe_load(path.read_text())
    document["config"] |= {f"{namespace}:{key}": value for key, value in config.items()}
    document["config"] = {key: value for key, value in document["config"].items() if value is not None}
    path.write_text(yaml.safe_dump(document))


@contextmanager
def clone(root: Path) -> Generator[Clone]:
    """A clone in a folder; the accounts of its comparisons end with the block."""
    target = root / "clone"
    target.mkdir()
    for name in PROGRAM:
        shutil.copy(REPOSITORY / name, target)
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = {name: os.environ.get(name) for name in (ENGINE_VARIABLE, "PIP_NO_INDEX")}
    # The engine is the built one, and no package comes from anywhere.
    os.environ |= {ENGINE_VARIABLE: "built", "PIP_NO_INDEX": "1"}
    try:
        with store.held(target) as folder:
            made = Clone(target, folder)
            made.git("init", "--quiet", "--initial-branch=main")
            made.git("add", "--all")
            made.git("commit", "--quiet", "--message=x")
            made.git("tag", "origin-of-all")
            try:
                yield made
            finally:
                store.forget(folder)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


VOLATILE = (
    (re.compile(r"\b(vpc|subnet|nat|rtb|igw|sg|eipalloc|lt|vpce|eipassoc|rtbassoc|i)-[0-9a-f]{8,17}\b"), r"\1-<id>"),
    (re.compile(r"\b([a-z0-9-]+)-\d{26}\b"), r"\1-<digits>"),
    (re.compile(r"\b([a-z-]+)-[0-9a-f]{7}\b"), r"\1-<hex>"),
    (re.compile(r"/id/[0-9A-F]{8,32}\b"), "/id/<id>"),
    (re.compile(r'(launchTemplate\.version: )"\d+"'), r"\1<version>"),
    (re.compile(r"/[\w./-]*/(clone|tree)/"), "<clone>/"),
    (re.compile(r"none instead of [\w.]+\w"), "none instead of <version>"),
)
"""What differs from run to run."""


def text_of(reports: list[Report], found: Range) -> str:
    """The reports as a pull request would get them, without what differs from run to run."""
    text = "\n---\n\n".join(map(report_markdown.render, reports))
    for commit, instead in ((found.base, "BASE-COMMIT"), (found.head or "", "HEAD-COMMIT")):
        text = text.replace(commit[:SHORT], instead)
    for pattern, instead in VOLATILE:
        text = pattern.sub(instead, text)
    return text


def page(name: str) -> Path:
    """The expected report of a scenario."""
    return HERE / f"{name}.md"


def main() -> None:
    """Write them all."""
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="infra-fleet-diffs-") as folder, clone(Path(folder)) as made:
        for name, scenario in SCENARIOS.items():
            found = made.range_of(scenario)
            page(name).write_text(text_of(made.reports(found), found), "utf-8")


if __name__ == "__main__":
    main()
