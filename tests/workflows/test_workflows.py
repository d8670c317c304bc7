"""Rules that every workflow keeps, read from the files."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, get_args

import pytest
import yaml

from checks.findings import Stage
from delivery import release
from infra.contract import names, versions
from infra.settings import NodeGroup
from teardown import nights
from tests.support.checkout import REPOSITORY
from tests.support.workflows import INSTALLED, Document, load
from tools.build import ensure
from tools.catalogue import ACTIONLINT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = REPOSITORY / ".github" / "workflows"
WORKFLOWS = {path.name: load(path) for path in sorted(FOLDER.iterdir())}
ACTIONS = {path.parent.name: load(path) for path in sorted((REPOSITORY / ".github" / "actions").glob("*/action.yml"))}
JOBS = {(file, name): job for file, workflow in WORKFLOWS.items() for name, job in workflow["jobs"].items()}
STEPS = [(f"{file}: {name}", step) for (file, name), job in JOBS.items() for step in job.get("steps", ())] + [
    (name, step) for name, action in ACTIONS.items() for step in action["runs"]["steps"]
]

READ = {"contents": "read"}
OIDC = {**READ, "id-token": "write"}

ALARM = {**READ, "actions": "read", "issues": "write"}

PERMISSIONS = {
    ("infra-apply.yml", "alarm"): ALARM,
    ("infra-apply.yml", "apply"): OIDC,
    ("infra-apply.yml", "scope"): READ,
    ("infra-plan.yml", "checks"): READ,
    ("infra-plan.yml", "infra-plan"): {},
    ("infra-plan.yml", "offline"): {**READ, "pull-requests": "write"},
    ("infra-plan.yml", "plan"): {**OIDC, "pull-requests": "write"},
    ("infra-plan.yml", "scope"): READ,
    ("infra-unlock.yml", "free"): OIDC,
    ("infra-unlock.yml", "review"): {},
    ("infra-unlock.yml", "show"): OIDC,
    ("k8s-manifest-validate.yml", "k8s-manifest-validate"): READ,
    ("load-harness.yml", "image"): READ,
    ("load-harness.yml", "release"): OIDC,
    ("load-harness.yml", "test"): READ,
    ("night-of-stack.yml", "destroy"): OIDC,
    ("night-of-stack.yml", "issue"): {**READ, "issues": "write"},
    ("night-of-stack.yml", "watchdog"): OIDC,
    ("nightly-destroy.yml", "alarm"): ALARM,
    ("nightly-destroy.yml", "night"): {**OIDC, "issues": "write"},
    ("nightly-destroy.yml", "stacks"): READ,
    ("rebuild-images.yml", "alarm"): ALARM,
    ("rebuild-images.yml", "refs"): READ,
    ("rebuild-images.yml", "scan"): READ,
    ("rebuild-stack.yml", "alarm"): ALARM,
    ("rebuild-stack.yml", "health"): {**READ, "actions": "read"},
    ("rebuild-stack.yml", "rebuild"): OIDC,
    ("rebuild-stack.yml", "stacks"): READ,
    ("support-dates.yml", "support"): {**READ, "issues": "write"},
    ("warm-caches.yml", "checks"): READ,
    ("warm-caches.yml", "plugins"): READ,
    ("warm-caches.yml", "tools"): READ,
}

PULL_REQUEST_CHECKS = {file for file, workflow in WORKFLOWS.items() if "pull_request" in workflow["on"]}

IMAGE = "./.github/actions/image"

CHANGES = re.compile(r"\bpulumi (up|destroy|refresh|cancel|import)\b|--free\b|fleet bootstrap\b|fleet teardown run\b")
"""A command that changes a stack."""

OURS = re.compile(
    r"(\.venv/bin/fleet "
    r"|\.venv/bin/python -m pip install .*(--require-hashes|--no-index) |python -m venv "
    r"|make |pulumi |\.ci/|printf |exit 1$)"
    r"[^|;&<>`\n]*"
)
"""One command of ours, of make or of pulumi: nothing that needs a shell to be thought about."""


AMI_TYPES = NodeGroup.model_fields["ami_type"].annotation
PLATFORMS = {"AL2023_x86_64_STANDARD": "linux/amd64", "AL2023_ARM_64_STANDARD": "linux/arm64"}


def runs(job: Document) -> list[str]:
    return [step["run"] for step in job.get("steps", ()) if "run" in step]


def uses(job: Document, action: str) -> list[Document]:
    return [step for step in job.get("steps", ()) if step.get("uses", "").startswith(f"{action}@")]


def changing() -> dict[tuple[str, str], Document]:
    return {key: job for key, job in JOBS.items() if any(CHANGES.search(command) for command in runs(job))}


def test_the_workflows_start_when_the_guide_says() -> None:
    assert {file: set(workflow["on"]) for file, workflow in WORKFLOWS.items()} == {
        "infra-plan.yml": {"merge_group", "pull_request"},
        "infra-apply.yml": {"push"},
        "infra-unlock.yml": {"workflow_dispatch"},
        "k8s-manifest-validate.yml": {"merge_group", "pull_request"},
        "load-harness.yml": {"pull_request", "push"},
        "night-of-stack.yml": {"workflow_call"},
        "nightly-destroy.yml": {"schedule", "workflow_dispatch"},
        "rebuild-images.yml": {"schedule", "workflow_dispatch"},
        "rebuild-stack.yml": {"schedule", "workflow_dispatch"},
        "support-dates.yml": {"schedule", "workflow_dispatch"},
        "warm-caches.yml": {"push", "schedule"},
    }
    assert {"infra-plan.yml", "k8s-manifest-validate.yml", "load-harness.yml"} == PULL_REQUEST_CHECKS
    assert all(WORKFLOWS[file]["on"]["pull_request"] == {"branches": ["main"]} for file in PULL_REQUEST_CHECKS)
    assert WORKFLOWS["infra-apply.yml"]["on"]["push"] == {"branches": ["main"]}
    assert WORKFLOWS["load-harness.yml"]["on"]["push"] == {"tags": ["v*"]}


@pytest.mark.parametrize("file", WORKFLOWS)
def test_no_trigger_gives_a_strangers_code_the_repositorys_rights(file: str) -> None:
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(WORKFLOWS[file]["on"])


def test_each_job_has_the_permissions_that_it_needs_and_a_workflow_none() -> None:
    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())
    assert {key: job["permissions"] for key, job in JOBS.items()} == PERMISSIONS


@pytest.mark.parametrize("key", JOBS, ids=": ".join)
def test_a_job_asks_github_for_an_identity_where_it_takes_a_role_alone(key: tuple[str, str]) -> None:
    called = JOBS[key].get("uses", "").rpartition("/")[2]
    jobs = [job for (file, _), job in JOBS.items() if file == called] or [JOBS[key]]
    takes_a_role = any(uses(job, "aws-actions/configure-aws-credentials") for job in jobs)
    assert (JOBS[key]["permissions"].get("id-token") == "write") == takes_a_role


@pytest.mark.parametrize("key", JOBS, ids=": ".join)
def test_a_job_ends_in_time_on_a_pinned_runner(key: tuple[str, str]) -> None:
    if "uses" in JOBS[key]:
        return  # the jobs of the workflow that it calls have theirs
    assert 5 <= JOBS[key]["timeout-minutes"] <= 90
    assert JOBS[key]["runs-on"] == "ubuntu-24.04"


@pytest.mark.parametrize(("where", "step"), STEPS)
def test_a_step_is_one_command_that_runs_the_same_on_a_laptop(where: str, step: Document) -> None:
    if "run" in step:
        assert OURS.fullmatch(step["run"].strip()), where
        assert "${{" not in step["run"], f"{where}: no expression inside a shell command: use env"
        bootstraps = "fleet bootstrap " in step["run"]
        assert re.findall(r"secrets\.\w+", str(step)) == ["secrets.FLUX_GITHUB_TOKEN"] * bootstraps, where


def test_actions_are_pinned_by_commit_and_say_which_version_it_is() -> None:
    pins: dict[str, set[str]] = {}
    for path in (*FOLDER.iterdir(), *REPOSITORY.glob(".github/actions/*/action.yml")):
        for used in re.findall(r"uses: (.*)", path.read_text()):
            if used.startswith("./.github/"):
                continue
            pin = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", used)
            assert pin, f"{path.name}: {used}"
            pins.setdefault(pin[1], set()).add(pin[2])
    assert pins
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_a_checkout_leaves_no_credentials_behind() -> None:
    checkouts = [step for _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len([job for job in JOBS.values() if job["permissions"] and "uses" not in job])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_tools_are_installed_in_the_pinned_versions() -> None:
    steps = [step for _, step in STEPS if "uses" in step]
    inputs = {step["uses"].partition("@")[0]: step.get("with", {}) for step in steps}
    assert inputs["pulumi/actions"] == {"pulumi-version": versions.PULUMI}
    assert inputs["fluxcd/flux2/action"] == {"version": versions.FLUX}
    assert inputs["actions/setup-python"]["python-version"] == versions.PYTHON
    assert re.fullmatch(r"tools/\w+/go\.mod", inputs["actions/setup-go"]["go-version-file"])


def test_what_changes_a_stack_waits_in_one_line_over_all_workflows_and_is_never_cut_short() -> None:
    """Apply, rebuild and destroy of a stack never overlap."""
    groups = {key: job.get("concurrency") for key, job in JOBS.items() if "concurrency" in job}
    assert groups.keys() == changing().keys()
    assert groups.keys() == {
        *(("infra-apply.yml", "apply"), ("infra-unlock.yml", "free"), ("rebuild-stack.yml", "rebuild")),
        ("night-of-stack.yml", "destroy"),
    }
    for group in groups.values():
        assert group is not None
        assert re.fullmatch(r"stack-\$\{\{ (matrix|inputs)\.stack \}\}", group["group"])
        assert group == {"group": group["group"], "cancel-in-progress": False, "queue": "max"}


def test_the_night_comes_by_itself_twice_and_something_looks_in_the_morning() -> None:
    """The schedule is there, and the watchdog knows the same night."""
    workflow = WORKFLOWS["nightly-destroy.yml"]
    first, retry, watchdog = (each["cron"] for each in workflow["on"]["schedule"])
    assert first == f"{nights.AT:%-M %-H} * * *"
    assert (retry, watchdog) == ("13 22 * * *", "43 5 * * *")
    assert workflow["jobs"]["night"]["with"]["watchdog"] == f"${{{{ github.event.schedule == '{watchdog}' }}}}"


def test_no_schedule_is_at_minute_0() -> None:
    """GitHub Docs, events that trigger workflows: at the start of every hour runs may be delayed or dropped."""
    crons = [each["cron"] for workflow in WORKFLOWS.values() for each in workflow["on"].get("schedule", ())]
    assert len(crons) >= 4
    assert not [cron for cron in crons if cron.split()[0] == "0"]


def test_every_failure_of_a_night_ends_in_an_issue() -> None:
    """The issue is updated after success, failure and cancellation alike."""
    jobs = WORKFLOWS["night-of-stack.yml"]["jobs"]
    assert jobs["issue"]["if"].startswith("always()")
    assert set(jobs["issue"]["needs"]) == jobs.keys() - {"issue"}
    (night, timeline) = runs(jobs["destroy"])
    assert "-lock=false" not in night
    assert timeline.endswith("--summary")
    (step,) = (step for step in jobs["destroy"]["steps"] if step.get("run") == night)
    assert step["env"]["FORCE"] == "${{ inputs.force }}"


def test_nothing_but_an_artifact_may_fail_unseen() -> None:
    tolerated = [step["uses"].partition("@")[0] for _, step in STEPS if "continue-on-error" in step]
    assert tolerated == ["actions/upload-artifact"] * 2
    assert not any("continue-on-error" in job for job in JOBS.values())


def test_every_workflow_that_nobody_watches_has_an_alarm() -> None:
    """Its job sees all that may fail before it, save what has an issue of its own."""
    watched: dict[str, str] = dict.fromkeys(("infra-apply.yml", "rebuild-images.yml", "rebuild-stack.yml"), "alarm")
    watched["night-of-stack.yml"] = "issue"
    for file, alarm in watched.items():
        jobs = WORKFLOWS[file]["jobs"]
        assert set(jobs[alarm]["needs"]) == jobs.keys() - {alarm}
    # What fails before the nights; each of those has an issue of its own.
    night = WORKFLOWS["nightly-destroy.yml"]["jobs"]["alarm"]
    assert night["needs"] == ["stacks", "night"]
    for file in (*watched, "nightly-destroy.yml"):
        for command in runs(WORKFLOWS[file]["jobs"].get("alarm", {})):
            job = command.partition("--job ")[2].split()[0]
            assert job == WORKFLOWS[file]["jobs"]["alarm"]["needs"][-1], "the others are what comes before"


def test_a_pull_request_has_its_own_group_which_the_next_push_cancels() -> None:
    assert {file for file, workflow in WORKFLOWS.items() if "concurrency" in workflow} == PULL_REQUEST_CHECKS
    for file in PULL_REQUEST_CHECKS - {"load-harness.yml"}:
        group = f"{file.removesuffix('.yml')}-${{{{ github.event.pull_request.number || github.ref }}}}"
        assert WORKFLOWS[file]["concurrency"] == {"group": group, "cancel-in-progress": True}


def test_a_release_is_never_cut_short() -> None:
    assert WORKFLOWS["load-harness.yml"]["concurrency"] == {
        "group": "load-harness-${{ github.event.pull_request.number || github.ref }}",
        "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
    }


def test_what_is_pushed_is_what_was_tried_and_scanned_and_says_where_it_comes_from() -> None:
    steps = JOBS["load-harness.yml", "release"]["steps"]
    (push,) = uses(JOBS["load-harness.yml", "release"], "docker/build-push-action")
    (built,) = (step for step in ACTIONS["image"]["runs"]["steps"] if "build-push-action" in step.get("uses", ""))
    tried = next(step for step in steps if step.get("uses") == "./.github/actions/image")
    assert steps.index(tried) < steps.index(push) == len(steps) - 1
    # Of the architectures that nodes may have one is tried; the other has the same files and locks.
    assert push["with"]["platforms"].split(",") == [PLATFORMS[ami] for ami in get_args(AMI_TYPES)]
    assert push["with"]["annotations"] == f"index:{release.REVISION}=${{{{ github.sha }}}}"
    for key in ("context", "build-args"):
        of_the_release = built["with"][key].replace("${{ inputs.application }}", "load-harness")
        assert push["with"][key] == of_the_release.replace("inputs.version", "github.ref_name")
    assert (push["with"]["provenance"], push["with"]["sbom"], push["with"]["push"]) == ("mode=max", True, True)
    # Only pull requests read layers of earlier runs, and nothing but a release pushes.
    assert "cache" not in tried["with"]
    pushing = [where for where, step in STEPS if step.get("with", {}).get("push")]
    assert pushing == ["load-harness.yml: release"]


def test_a_release_is_refused_for_what_a_pull_request_can_fix_and_the_week_for_all_that_has_a_fix() -> None:
    (scan,) = (step for step in ACTIONS["image"]["runs"]["steps"] if "scan-action" in step.get("uses", ""))
    assert (scan["with"]["severity-cutoff"], scan["with"]["only-fixed"]) == ("high", True)
    gates = {where: step["with"].get("gate", "release") for where, step in STEPS if step.get("uses") == IMAGE}
    assert gates == {
        "load-harness.yml: image": "release",
        "load-harness.yml: release": "release",
        "rebuild-images.yml: scan": "all",
    }
    release_rules, weekly = (
        yaml.safe_load((REPOSITORY / ".github" / name).read_text()) for name in ("grype-release.yaml", "grype.yaml")
    )
    assert release_rules == {"ignore": [{"package": {"type": "deb"}}]}
    assert weekly == {"ignore": []}


def test_a_stack_is_changed_from_the_environment_that_allows_main_only() -> None:
    """No other branch can assume the deploy role."""
    roles = {
        key: step["with"]["role-to-assume"]
        for key, job in JOBS.items()
        for step in uses(job, "aws-actions/configure-aws-credentials")
    }
    deploying = {key for key, role in roles.items() if role == "${{ vars.AWS_DEPLOY_ROLE_ARN }}"}
    assert deploying == {key for key, job in JOBS.items() if job.get("environment") == names.GITHUB_ENVIRONMENT}
    assert deploying >= changing().keys()
    assert {key: role for key, role in roles.items() if key not in deploying} == {
        ("infra-plan.yml", "plan"): "${{ vars.AWS_PREVIEW_ROLE_ARN }}",
        ("load-harness.yml", "release"): "${{ vars.AWS_PUSH_ROLE_ARN }}",
    }


def test_credentials_of_another_account_are_refused() -> None:
    for job in JOBS.values():
        for step in uses(job, "aws-actions/configure-aws-credentials"):
            assert step["with"]["allowed-account-ids"] == "${{ vars.AWS_ACCOUNT_ID }}"
            assert step["with"]["aws-region"] == "${{ vars.AWS_REGION }}"


def test_the_permanent_layer_is_previewed_and_never_applied() -> None:
    """A workflow that applied it could give its own role more rights."""
    assert names.PERMANENT_STACK in JOBS["infra-plan.yml", "plan"]["strategy"]["matrix"]["include"]
    for key, job in changing().items():
        assert "permanent" not in str(job), key
    assert not any("-m permanent" in step.get("run", "") for _, step in STEPS)


def test_no_job_decides_by_the_outcome_of_other_runs_but_the_one_before_a_rebuild() -> None:
    """The stack's state and AWS decide, whatever newer runs of other changes did."""
    reading = {key for key, job in JOBS.items() if "actions" in job["permissions"]}
    alarms = {key for key in JOBS if key[1] == "alarm"}  # which read their own run
    assert reading - alarms == {key for key, job in JOBS.items() if ".venv/bin/fleet gate" in runs(job)}
    assert reading - alarms == {("rebuild-stack.yml", "health")}
    assert not any(re.search(r"\bgh\b|api\.github\.com", step.get("run", "")) for _, step in STEPS)


def test_a_lock_is_freed_by_a_reviewed_job_alone() -> None:
    """No command skips the lock, and no job frees it unseen."""
    freeing = {key for key, job in JOBS.items() if any("--free" in command for command in runs(job))}
    assert freeing == {("infra-unlock.yml", "free")}
    jobs = WORKFLOWS["infra-unlock.yml"]["jobs"]
    assert jobs["free"]["needs"] == ["show", "review"]
    assert jobs["free"]["env"]["HOLDER"] == "${{ needs.show.outputs.holder }}"
    assert jobs["review"]["needs"] == "show"
    assert jobs["review"]["environment"] == names.GITHUB_REVIEW_ENVIRONMENT
    assert not any("cancel" in step.get("run", "") for _, step in STEPS)


def test_the_required_check_reports_for_all_jobs_and_always() -> None:
    """A path filter would leave the required check pending on unrelated pull requests."""
    workflow = WORKFLOWS["infra-plan.yml"]
    check = workflow["jobs"]["infra-plan"]
    assert set(check["needs"]) == workflow["jobs"].keys() - {"infra-plan"}
    assert check["if"] == "always()"
    assert check["name"] == "infra-plan"
    for file in PULL_REQUEST_CHECKS:
        assert not any("paths" in (trigger or {}) for trigger in WORKFLOWS[file]["on"].values())


def test_the_manifests_are_checked_stage_by_stage() -> None:
    """Builds, schemas, substitution and order are each checked."""
    commands = runs(JOBS["k8s-manifest-validate.yml", "k8s-manifest-validate"])
    assert commands[1:] == [f".venv/bin/fleet check --stage {stage.value} --format github" for stage in Stage]


def test_the_replaced_commands_are_those_of_the_workflows() -> None:
    assert INSTALLED.keys() <= {step["run"] for _, step in STEPS if "run" in step}


def actionlint(*options: str) -> str:
    command = [ensure(ACTIONLINT, print), *options, "-format", "{{range $}}{{.Message}}\n{{end}}"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout


def test_one_finding_of_actionlint_is_suppressed_and_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "nothing.yaml").touch()
    queue = 'unexpected key "queue" for "concurrency" section. expected one of "cancel-in-progress", "group"'
    assert actionlint("-config-file", str(tmp_path / "nothing.yaml")).splitlines() == [queue] * len(changing())
    assert actionlint() == ""
