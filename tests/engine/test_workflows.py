"""The workflows' own commands, run on the embedded account with the real engine, in each case that they decide."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.contract import names
from infra.stack_file import config_of
from permanent import github_setup
from permanent.settings import parse_file
from sandbox import rehearsal
from sandbox.account.clients import client
from sandbox.diff import store
from tests.delivery.github import GitHub, serving
from tests.support import rehearsals
from tests.support.checkout import REPOSITORY
from tests.support.workflows import INSTALLED, Event, Job, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.rehearsals import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

REPOSITORY_NAME = "acme/platform"
BUCKET = names.state_bucket("123456789012", "eu-west-2")
CHECKPOINT = f".pulumi/stacks/{names.PROJECT}/staging.json"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".sandbox*", ".*_cache", ".hypothesis", "__pycache__")
# What has tests of its own.
ALARM = '.venv/bin/fleet alarm --workflow infra-apply --job apply --stacks "$STACKS"'
ELSEWHERE = {**INSTALLED, "make lint": "true", "make test": "true", ALARM: "true"}


@dataclass(frozen=True)
class Team:
    """A team's clone, configured and committed, its account and its GitHub."""

    clone: Path
    sandbox: Sandbox
    environ: Mapping[str, str]
    github: GitHub

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.clone, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, **config: object) -> tuple[str, str]:
        """Change the config of staging; gives the commits before and after."""
        before = self.git("rev-parse", "HEAD")
        path = self.clone / "Pulumi.staging.yaml"
        document = yaml.safe_load(path.read_text())
        document["config"] |= {f"{names.PROJECT}:{key}": value for key, value in config.items()}
        path.write_text(yaml.safe_dump(document))
        self.git("commit", "--quiet", "--all", "--message=change")
        return before, self.git("rev-parse", "HEAD")

    def run(self, workflow: str, event: Event, **variables: str) -> dict[str, Job]:
        settings = parse_file(config_of(self.sandbox.account_file))
        known = {**github_setup.variables(settings), **variables}
        # In the clone everything is as on a runner, except the preview without AWS, which has accounts of its own.
        replace = {**ELSEWHERE, **dict.fromkeys(_offline(), "true")}
        return Run(workflow, event, self.clone, self.environ, known, replace).jobs()

    def offline(self, commits: tuple[str, str]) -> Job:
        """The job that forks get, run as it is written: in the clone, on an account of its own."""
        event = _pull_request(commits, "stranger/platform")
        replace = {**ELSEWHERE, "make .venv/.sandbox": "true"}
        environ = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}
        return Run("infra-plan.yml", event, self.clone, environ, {}, replace).jobs()["offline"]

    def merge(self, commits: tuple[str, str], **variables: str) -> dict[str, Job]:
        payload = {"repository": {"full_name": REPOSITORY_NAME}, "before": commits[0], "after": commits[1]}
        return self.run("infra-apply.yml", Event("push", payload, sha=commits[1]), **variables)

    def pull_request(self, commits: tuple[str, str], head: str = REPOSITORY_NAME) -> dict[str, Job]:
        return self.run("infra-plan.yml", _pull_request(commits, head))

    @property
    def s3(self) -> Any:
        return client("s3", endpoint=self.sandbox.account.endpoint, region=self.sandbox.account.region)


def _pull_request(commits: tuple[str, str], head: str) -> Event:
    payload: dict[str, Any] = {
        "repository": {"full_name": REPOSITORY_NAME},
        "pull_request": {
            "number": 7,
            "base": {"ref": "main", "sha": commits[0]},
            "head": {"sha": commits[1], "repo": {"full_name": head}},
        },
    }
    return Event("pull_request", payload, ref="refs/pull/7/merge")


def _offline() -> list[str]:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "infra-plan.yml").read_text())
    return [step["run"].strip() for step in workflow["jobs"]["offline"]["steps"] if "run" in step]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team after day zero: the permanent layer is applied, the stack is in the state, nothing is up."""
    root = tmp_path_factory.mktemp("team")
    sandbox = rehearsals.new(root)
    ready = sandbox.prepared()
    clone = root / "clone"
    shutil.copytree(REPOSITORY, clone, ignore=LEFT_OUT, symlinks=True)
    (clone / ".venv").symlink_to(REPOSITORY / ".venv")
    # What `pulumi stack init` and `make account` wrote, which the day-zero page says to commit.
    shutil.copy(sandbox.folder.project / "Pulumi.staging.yaml", clone)
    shutil.copy(sandbox.folder.permanent / "Pulumi.account.yaml", clone / "permanent")
    with serving() as github:
        environ = {**ready.environment, "GITHUB_API_URL": github.url}
        made = Team(clone, sandbox, environ, github)
        made.git("init", "--quiet", "--initial-branch=main")
        made.git("add", "--all")
        made.git("commit", "--quiet", "--message=day zero")
        yield made
    rehearsal.reset(sandbox.folder)


def outcome(jobs: dict[str, Job]) -> dict[str, str]:
    """Job → its result, without the job that tells of a failure."""
    return {name: job.result for name, job in jobs.items() if name != "alarm"}


def clusters(team: Team) -> tuple[str, ...]:
    return team.sandbox.census().get("EKS cluster", ())


def test_the_workflows_do_what_they_say_while_a_stack_is_down_up_and_unknown(team: Team) -> None:
    github = team.github

    # A pull request while the stack is down: everything would be created, and one comment a stack says so.
    change = team.commit(tags={"team": "platform"})
    jobs = team.pull_request(change)
    assert set(outcome(jobs).values()) == {"success"}, outcome(jobs)
    (staging, *_) = jobs["plan"].legs
    assert staging.matrix["stack"] == "staging"
    assert ": 50 created " in github.comments[0]["body"]
    assert clusters(team) == ()
    comments = len(github.comments)
    assert team.pull_request(change)["plan"].result == "success"
    assert len(github.comments) == comments, "found again, not made again"

    # From a fork: neither role nor comment.
    writes = len(github.writes)
    jobs = team.pull_request(change, head="stranger/platform")
    assert (jobs["plan"].result, jobs["infra-plan"].result) == ("skipped", "success")
    assert len(github.writes) == writes

    # A merge while it is down: previewed, nothing built, and the summary says so.
    jobs = team.merge(change)
    assert outcome(jobs) == {"scope": "success", "apply": "success"}
    assert "is down" in jobs["apply"].leg.summary
    assert "pulumi up" not in " ".join(jobs["apply"].leg.commands)
    assert clusters(team) == ()
    down = team.s3.get_object(Bucket=BUCKET, Key=CHECKPOINT)["Body"].read()

    # What Flux commits applies nothing.
    (team.clone / "k8s" / "tag.yaml").write_text("tag: v1.0.1\n")
    before = team.git("rev-parse", "HEAD")
    team.git("add", "--all")
    team.git("commit", "--quiet", "--message=update image")
    assert outcome(team.merge((before, team.git("rev-parse", "HEAD")))) == {"scope": "success", "apply": "skipped"}

    # The override builds a stack that is down.
    jobs = team.merge(change, WHEN_DOWN="up")
    assert outcome(jobs) == {"scope": "success", "apply": "success"}, jobs["apply"].leg.output
    assert clusters(team) == ("staging",)

    # A pull request and a merge while it is up.
    change = team.commit(tags={"team": "product"})
    jobs = team.pull_request(change)
    assert jobs["plan"].result == "success"
    assert " updated" in github.comments[0]["body"]
    jobs = team.merge(change)
    assert outcome(jobs) == {"scope": "success", "apply": "success"}, jobs["apply"].leg.output
    eks = client("eks", endpoint=team.sandbox.account.endpoint, region=team.sandbox.account.region)
    assert eks.describe_cluster(name="staging")["cluster"]["tags"]["team"] == "product"

    # A lock of another run: one line, nothing tried.
    lock = f".pulumi/locks/organization/{names.PROJECT}/staging/0.json"
    held = b'{"pid": 4711, "username": "runner", "hostname": "ci-7", "timestamp": "2026-01-02T03:04:05Z"}'
    team.s3.put_object(Bucket=BUCKET, Key=lock, Body=held)
    jobs = team.merge(change)
    assert jobs["apply"].result == "failure"
    assert "runner@ci-7" in jobs["apply"].leg.output
    assert "pulumi up" not in " ".join(jobs["apply"].leg.commands)

    # Freed by the reviewed job alone.
    dispatch = {"repository": {"full_name": REPOSITORY_NAME}, "inputs": {"stack": "staging", "reason": "killed"}}
    jobs = team.run("infra-unlock.yml", Event("workflow_dispatch", dispatch))
    assert set(outcome(jobs).values()) == {"success"}, outcome(jobs)
    assert "runner@ci-7" in jobs["show"].leg.output
    assert "Contents" not in team.s3.list_objects_v2(Bucket=BUCKET, Prefix=lock)

    # A state that does not know the cluster: unknown, with the remedy, and nothing is tried.
    up = team.s3.get_object(Bucket=BUCKET, Key=CHECKPOINT)["Body"].read()
    team.s3.put_object(Bucket=BUCKET, Key=CHECKPOINT, Body=down)
    jobs = team.merge(change, WHEN_DOWN="up")
    assert jobs["apply"].result == "failure"
    assert "unknown" in jobs["apply"].leg.output
    assert "pulumi up" not in " ".join(jobs["apply"].leg.commands)
    team.s3.put_object(Bucket=BUCKET, Key=CHECKPOINT, Body=up)
    assert team.merge(change)["apply"].result == "success"


def test_a_fork_gets_the_true_difference_without_a_role(team: Team) -> None:
    try:
        job = team.offline(team.commit(tags={"team": "stranger"}))
        assert job.result == "success", job.leg.output
        assert "### Diff of <code>infra-fleet/staging</code>" in job.leg.summary
        assert "34 updated" in job.leg.summary
        assert "**The same on 34 resources**" in job.leg.summary
    finally:
        with store.held(team.clone) as folder:
            store.forget(folder)
