"""What each workflow runs in each case, with the commands that it would call replaced by their answers."""

from __future__ import annotations

import json
import os
import re
from typing import Any, get_args

import pytest
import yaml

from bootstrap import flux_settings
from checks.findings import Stage
from delivery.timeline.runs import Kind
from infra.contract import names
from teardown import time_budget
from tests.support.checkout import REPOSITORY
from tests.support.workflows import INSTALLED, Event, Job, Leg, Run

REPOSITORY_NAME = "your-org/infra-fleet"
PAYLOAD: dict[str, Any] = {"repository": {"full_name": REPOSITORY_NAME}}

SCOPE = '.venv/bin/fleet scope --base "$BASE" --head "$HEAD"'
STATE = '.venv/bin/fleet state --stack "$STACK" --when-down "$WHEN_DOWN"'
UP = 'pulumi up --yes --non-interactive --stack "$STACK"'
BUILD = f"{UP} --event-log up.jsonl"
PREVIEW = '.venv/bin/fleet preview --stack "$STACK"'
PLAN = '.venv/bin/fleet preview -C "$FOLDER" --stack "$STACK" --report report.md'
COMMENT = ".venv/bin/fleet comment report.md"
LOCK = '.venv/bin/fleet lock --stack "$STACK"'
FREE = f'{LOCK} --free --expect "$HOLDER"'
CHECKS = ".venv/bin/fleet check --format github"
GATE = ".venv/bin/fleet gate"
REBUILD_STATE = '.venv/bin/fleet state --stack "$STACK" --when-down up'
ACCOUNT = '.venv/bin/fleet account check --stack "$STACK"'
BOOTSTRAP_PLAN = '.venv/bin/fleet bootstrap plan --stack "$STACK"'
BOOTSTRAP = '.venv/bin/fleet bootstrap run --stack "$STACK" --timings .'
STATUS = '.venv/bin/fleet bootstrap status --stack "$STACK"'
WHEN = '.venv/bin/fleet teardown when --stack "$STACK"'
NIGHT = '.venv/bin/fleet teardown run --yes --recover --stack "$STACK" --timings .'
TIMELINE = '.venv/bin/fleet timeline {} --stack "$STACK" --run . --compare "$KEPT" --keep "$KEPT" --summary'
TIMELINES = {kind: TIMELINE.format(kind) for kind in get_args(Kind)}
WATCHDOG = '.venv/bin/fleet teardown verify --watchdog --stack "$STACK"'
NIGHTLY = '.venv/bin/fleet stacks --nightly --only "$ONLY"'
STACKS = '.venv/bin/fleet stacks --only "$ONLY"'
ALARM = '.venv/bin/fleet alarm --workflow {} --job {} --stacks "$STACKS"'
WATCHED = (("infra-apply", "apply"), ("rebuild-stack", "rebuild"), ("nightly-destroy", "night"))
ALARMS = [ALARM.format(*each) for each in WATCHED]
ISSUE = '.venv/bin/fleet teardown issue --stack "$STACK" --destroy "$DESTROY" --watchdog "$WATCHDOG" --kept "$KEPT"'
SUPPORT = ".venv/bin/fleet support --issue"
NEEDED = '.venv/bin/fleet release needed load-harness --tag "$TAG"'
REFS = ".venv/bin/fleet release refs load-harness"
SCANNED = '.venv/bin/fleet alarm --workflow rebuild-images --job scan --stacks "$REFS"'
TESTS = "make test-application"
SMOKE = "make smoke"
OFFLINE = '.venv/bin/fleet diff "$BASE" --commit "$COMMIT" --reports reports'
COMMENTS = ".venv/bin/fleet comment reports/*.md"

VARIABLES = {
    "AWS_ACCOUNT_ID": "123456789012",
    "AWS_REGION": "eu-west-2",
    "AWS_PREVIEW_ROLE_ARN": names.role_arn("123456789012", names.PREVIEW_ROLE),
    "AWS_PUSH_ROLE_ARN": names.role_arn("123456789012", names.PUSH_ROLE),
    "AWS_DEPLOY_ROLE_ARN": names.role_arn("123456789012", names.DEPLOY_ROLE),
    "PULUMI_BACKEND_URL": names.state_backend("123456789012", "eu-west-2"),
}


def answer(**outputs: str) -> str:
    """A command that sets outputs."""
    lines = " ".join(f"'{name}={value}'" for name, value in outputs.items())
    return f'printf "%s\\n" {lines} >> "$GITHUB_OUTPUT"'


def scope(
    *, infra: bool = True, permanent: bool = False, manifests: bool = False, stacks: tuple[str, ...] = ("staging",)
) -> str:
    touched = {"infra": json.dumps(infra), "permanent": json.dumps(permanent), "stacks": json.dumps(stacks)}
    touched["manifests"] = json.dumps(manifests)
    return answer(**touched) + '; echo "$BASE..$HEAD"'


ANSWERS = {
    **INSTALLED,
    **dict.fromkeys(("make lint", "make test", TESTS, SMOKE, UP, PREVIEW, COMMENT, COMMENTS, LOCK, FREE), "true"),
    **dict.fromkeys((ACCOUNT, BOOTSTRAP_PLAN), "true"),
    **dict.fromkeys((GATE, CHECKS, REBUILD_STATE, BOOTSTRAP, STATUS, WHEN, WATCHDOG, SUPPORT), "true"),
    NIGHT: answer(kept="false") + '; echo "force $FORCE, keep $KEEP_UNTIL"',
    ISSUE: 'echo "$STACK: $DESTROY $WATCHDOG $KEPT"; echo "$REPORT"',
    BUILD: "true",
    **dict.fromkeys(TIMELINES.values(), answer(kept="true")),
    **dict.fromkeys(ALARMS, 'echo "$NEEDS"; echo "$STACKS"'),
    # As the command does: those that somebody asked for, else all.
    **dict.fromkeys((NIGHTLY, STACKS), 'echo "stacks=[\\"${ONLY:-staging}\\"]" >> "$GITHUB_OUTPUT"'),
    NEEDED: answer(needed="true"),
    REFS: answer(refs='["main", "v1.2.0"]'),
    SCANNED: 'echo "$NEEDS"; echo "$REFS"',
    OFFLINE: 'echo "$BASE..$COMMIT"',
    PLAN: 'echo "$STACK in $FOLDER on $PULUMI_BACKEND_URL"',
    SCOPE: scope(),
}


def run(workflow: str, event: Event, variables: dict[str, str] | None = None, **answers: str) -> dict[str, Job]:
    by_name = {"scope": SCOPE, "state": STATE, "plan": PLAN, "up": UP, "test": "make test"}
    by_name |= {"gate": GATE, "checks": CHECKS, "rebuild_state": REBUILD_STATE, "bootstrap": BOOTSTRAP}
    by_name |= {"night_run": NIGHT, "watchdog": WATCHDOG, "tests": TESTS, "smoke": SMOKE, "support": SUPPORT}
    by_name |= {"bootstrap_plan": BOOTSTRAP_PLAN, "build": BUILD, **TIMELINES}
    by_name |= {"needed": NEEDED, "nightly": NIGHTLY, "stacks": STACKS, "account": ACCOUNT}
    by_name |= {"offline": OFFLINE, "needed": NEEDED, "nightly": NIGHTLY, "stacks": STACKS, "account": ACCOUNT}
    replace = ANSWERS | {by_name[name]: command for name, command in answers.items()}
    environ = {"PATH": os.environ["PATH"]}
    return Run(workflow, event, REPOSITORY, environ, VARIABLES if variables is None else variables, replace).jobs()


def pull_request(head: str = REPOSITORY_NAME) -> Event:
    payload = {
        **PAYLOAD,
        "pull_request": {
            "number": 7,
            "base": {"ref": "main", "sha": "b" * 40},
            "head": {"sha": "a" * 40, "repo": {"full_name": head}},
        },
    }
    return Event("pull_request", payload, ref="refs/pull/7/merge")


PUSH = Event("push", {**PAYLOAD, "before": "b" * 40, "after": "a" * 40}, sha="a" * 40)


def results(jobs: dict[str, Job]) -> dict[str, str]:
    return {name: job.result for name, job in jobs.items() if job.result != "success"}


def test_a_pull_request_is_tested_previewed_and_commented_on() -> None:
    jobs = run("infra-plan.yml", pull_request(), scope=scope(permanent=True, stacks=("staging", "staging-2")))
    assert results(jobs) == {}
    assert jobs["scope"].leg.output == f"{'b' * 40}..{'a' * 40}\n"
    assert jobs["checks"].leg.commands == [".ci/packages", "make lint", "make test"]
    assert jobs["offline"].leg.commands[-2:] == [OFFLINE, COMMENTS]
    assert jobs["offline"].leg.output == f"{'b' * 40}..{'a' * 40}\n"
    assert [leg.commands[-2:] for leg in jobs["plan"].legs] == [[PLAN, COMMENT]] * 3
    backend = VARIABLES["PULUMI_BACKEND_URL"]
    assert [leg.output for leg in jobs["plan"].legs] == [
        f"staging in . on {backend}\n",
        f"staging-2 in . on {backend}\n",
        f"account in permanent on {backend}\n",
    ]


def test_the_permanent_layer_is_previewed_where_it_is_touched_alone() -> None:
    jobs = run("infra-plan.yml", pull_request(), scope=scope(permanent=False))
    assert jobs["plan"].leg.matrix == {"stack": "staging", "folder": "."}


@pytest.mark.parametrize("event", [pull_request("stranger/infra-fleet"), pull_request("")])
def test_a_fork_gets_the_preview_of_the_intent_and_no_role(event: Event) -> None:
    jobs = run("infra-plan.yml", event)
    assert results(jobs) == {"plan": "skipped"}
    assert jobs["offline"].leg.commands[-1] == OFFLINE, "no comment: its token may not"


def test_a_fresh_fork_without_an_account_is_green() -> None:
    assert results(run("infra-plan.yml", pull_request(), variables={})) == {"plan": "skipped"}
    assert results(run("infra-apply.yml", PUSH, variables={})) == {"apply": "skipped", "alarm": "skipped"}


def test_the_required_check_reports_on_a_change_that_touches_no_infrastructure() -> None:
    """Otherwise the check would stay pending, and the pull request could not be merged."""
    jobs = run("infra-plan.yml", pull_request(), scope=scope(infra=False))
    assert results(jobs) == {"offline": "skipped", "plan": "skipped"}
    assert jobs["infra-plan"].leg.commands == []


def test_a_change_of_manifests_alone_is_compared_too() -> None:
    jobs = run("infra-plan.yml", pull_request(), scope=scope(infra=False, manifests=True))
    assert results(jobs) == {"plan": "skipped"}
    assert jobs["offline"].leg.commands[-2:] == [OFFLINE, COMMENTS]


def test_a_failed_diff_is_commented_on_and_fails_the_required_check() -> None:
    jobs = run("infra-plan.yml", pull_request(), offline="exit 1")
    assert results(jobs) == {"offline": "failure", "infra-plan": "failure"}
    assert jobs["offline"].leg.commands[-2:] == [OFFLINE, COMMENTS]


def test_a_failed_preview_is_commented_on_and_fails_the_required_check() -> None:
    """The comment is not skipped after a failure."""
    jobs = run("infra-plan.yml", pull_request(), plan="exit 1")
    assert results(jobs) == {"plan": "failure", "infra-plan": "failure"}
    assert jobs["plan"].leg.commands[-2:] == [PLAN, COMMENT]


def test_failed_tests_fail_the_required_check() -> None:
    assert results(run("infra-plan.yml", pull_request(), test="exit 1")) == {
        "checks": "failure",
        "infra-plan": "failure",
    }


@pytest.mark.parametrize(("workflow", "event"), [("infra-plan.yml", pull_request()), ("infra-apply.yml", PUSH)])
def test_a_scope_that_cannot_be_told_is_a_failure_and_not_nothing(workflow: str, event: Event) -> None:
    """A git command that fails does not count as "no changes"."""
    jobs = run(workflow, event, scope="exit 1")
    skipped = {"offline": "skipped", "plan": "skipped", "infra-plan": "failure"}
    assert results(jobs) == {"scope": "failure"} | (skipped if workflow == "infra-plan.yml" else {"apply": "skipped"})


def test_a_merge_updates_a_stack_that_is_up() -> None:
    jobs = run("infra-apply.yml", PUSH, state=answer(state="up", operation="up"))
    assert results(jobs) == {}
    assert jobs["scope"].leg.output == f"{'b' * 40}..{'a' * 40}\n"
    assert jobs["apply"].leg.commands[-2:] == [STATE, UP]
    assert (jobs["apply"].leg.group, jobs["apply"].leg.environment) == ("stack-staging", "staging")


def test_before_a_merge_builds_a_stack_the_account_is_checked_and_what_is_bad_stops_it() -> None:
    down = answer(state="down", operation="up")
    assert run("infra-apply.yml", PUSH, state=down)["apply"].leg.commands[-3:] == [STATE, ACCOUNT, UP]
    jobs = run("infra-apply.yml", PUSH, state=down, account="exit 1")
    assert jobs["apply"].leg.commands[-1] == ACCOUNT
    assert results(jobs) == {"apply": "failure"}


def test_a_merge_does_not_bring_back_a_stack_that_is_down() -> None:
    """What the nightly teardown destroyed is only previewed."""
    jobs = run("infra-apply.yml", PUSH, state='test "$WHEN_DOWN" = preview; ' + answer(operation="preview"))
    assert results(jobs) == {}
    assert jobs["apply"].leg.commands[-2:] == [STATE, PREVIEW]


def test_the_repositorys_variable_is_what_state_is_asked_with() -> None:
    jobs = run("infra-apply.yml", PUSH, {**VARIABLES, "WHEN_DOWN": "up"}, state='echo "$WHEN_DOWN"; exit 1')
    assert jobs["apply"].leg.output == "up\n"


def test_without_a_decision_nothing_is_built() -> None:
    jobs = run("infra-apply.yml", PUSH, state=answer(state="down"))
    assert jobs["apply"].leg.commands[-2:] == [STATE, PREVIEW]


def test_an_unknown_stack_is_left_alone_and_fails_the_merge() -> None:
    jobs = run("infra-apply.yml", PUSH, state="exit 1")
    assert jobs["apply"].leg.commands[-1] == STATE
    assert results(jobs) == {"apply": "failure"}


def test_after_a_failed_up_nothing_else_runs() -> None:
    jobs = run("infra-apply.yml", PUSH, state=answer(operation="up"), up="exit 255")
    assert jobs["apply"].leg.commands[-1] == UP
    assert results(jobs) == {"apply": "failure"}


def test_fluxs_own_commits_apply_nothing() -> None:
    assert results(run("infra-apply.yml", PUSH, scope=scope(infra=False))) == {"apply": "skipped", "alarm": "skipped"}


def test_a_merge_applies_each_stack_in_its_own_line() -> None:
    jobs = run("infra-apply.yml", PUSH, scope=scope(stacks=("staging", "staging-2")), state=answer(operation="preview"))
    assert [leg.group for leg in jobs["apply"].legs] == ["stack-staging", "stack-staging-2"]


def test_a_merge_applies_the_newest_main_with_the_deploy_role() -> None:
    steps = run("infra-apply.yml", PUSH, state=answer(operation="up"))["apply"].leg.steps
    inputs = {step.command: step.inputs for step in steps}
    assert inputs["actions/checkout"]["ref"] == "main"
    assert inputs["aws-actions/configure-aws-credentials"] == {
        "role-to-assume": VARIABLES["AWS_DEPLOY_ROLE_ARN"],
        "role-duration-seconds": "7200",
        "aws-region": "eu-west-2",
        "allowed-account-ids": "123456789012",
    }


def test_a_lock_is_shown_then_reviewed_then_freed_in_the_stacks_line() -> None:
    reason = "it's over; $(touch /tmp/never) `id`"
    payload = {**PAYLOAD, "inputs": {"stack": "staging", "reason": reason}}
    jobs = run("infra-unlock.yml", Event("workflow_dispatch", payload))
    assert list(jobs) == ["show", "review", "free"]
    assert jobs["show"].leg.commands[-1] == LOCK
    assert jobs["review"].leg.output == f"agreed to free the lock, because {reason}\n"
    assert jobs["free"].leg.commands[-1] == FREE
    assert (jobs["free"].leg.group, jobs["free"].leg.environment) == ("stack-staging", "staging")


REBUILD = Event("workflow_dispatch", {**PAYLOAD, "inputs": {"stack": "staging"}})


def test_a_rebuild_stops_at_what_is_bad_in_the_account() -> None:
    jobs = run("rebuild-stack.yml", REBUILD, account="exit 1")
    assert jobs["rebuild"].leg.commands[-1] == ACCOUNT
    assert results(jobs) == {"rebuild": "failure"}


def test_a_rebuild_checks_main_and_the_account_then_builds_then_bootstraps() -> None:
    jobs = run("rebuild-stack.yml", REBUILD)
    assert results(jobs) == {}
    assert jobs["health"].leg.commands[-2:] == [GATE, CHECKS]
    assert jobs["rebuild"].leg.commands[-7:-1] == [ACCOUNT, BOOTSTRAP_PLAN, REBUILD_STATE, BUILD, BOOTSTRAP, WHEN]
    assert jobs["rebuild"].leg.commands[-1] == TIMELINES["rebuild"]
    assert (jobs["rebuild"].leg.group, jobs["rebuild"].leg.environment) == ("stack-staging", "staging")
    assert {step.inputs["ref"] for job in jobs.values() for step in job.leg.steps if "ref" in step.inputs} == {"main"}


def test_a_bootstrap_that_could_not_push_is_refused_before_anything_is_built() -> None:
    jobs = run("rebuild-stack.yml", REBUILD, bootstrap_plan="exit 1")
    assert jobs["rebuild"].leg.commands[-1] == BOOTSTRAP_PLAN
    assert results(jobs) == {"rebuild": "failure"}


def test_a_rebuild_ends_with_what_is_wrong_before_its_job_is_killed() -> None:
    """All deadlines of the bootstrap, a stack that takes AWS 20 minutes, and what is around them."""
    job = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "rebuild-stack.yml").read_text())["jobs"]["rebuild"]
    limits = flux_settings.Deadlines()
    assert limits.api + limits.nodes + limits.flux + limits.verify + 30 * 60 <= job["timeout-minutes"] * 60


def test_nothing_is_rebuilt_from_a_main_that_flux_would_refuse() -> None:
    jobs = run("rebuild-stack.yml", REBUILD, checks="exit 1")
    assert results(jobs) == {"health": "failure", "rebuild": "skipped"}
    assert '"health": {"result": "failure"' in jobs["alarm"].leg.output


def test_nothing_is_rebuilt_from_a_main_that_is_not_applied_but_by_force() -> None:
    answer_of_the_gate = 'echo "force $FORCE"; test "$FORCE" = true'
    refused = run("rebuild-stack.yml", REBUILD, gate=answer_of_the_gate)
    assert results(refused) == {"health": "failure", "rebuild": "skipped"}
    assert refused["health"].leg.commands[-1] == GATE
    forced = Event("workflow_dispatch", {**PAYLOAD, "inputs": {"stack": "staging", "force": True}})
    assert results(run("rebuild-stack.yml", forced, gate=answer_of_the_gate)) == {}


def test_nothing_is_rebuilt_on_a_stack_of_unknown_state() -> None:
    jobs = run("rebuild-stack.yml", REBUILD, rebuild_state="exit 1")
    assert jobs["rebuild"].leg.commands[-1] == REBUILD_STATE
    assert results(jobs) == {"rebuild": "failure"}


def test_a_bootstrap_that_fails_is_diagnosed_and_a_build_that_fails_is_not() -> None:
    jobs = run("rebuild-stack.yml", REBUILD, bootstrap="exit 1")
    assert jobs["rebuild"].leg.commands[-3:] == [BOOTSTRAP, STATUS, TIMELINES["rebuild"]]
    assert results(jobs) == {"rebuild": "failure"}
    failed = run("rebuild-stack.yml", REBUILD, build="exit 255")["rebuild"].leg
    assert failed.commands[-2:] == [BUILD, TIMELINES["rebuild"]]


def uploads(leg: Leg) -> list[str]:
    return [step.inputs["name"] for step in leg.steps if step.command == "actions/upload-artifact"]


def test_where_the_minutes_went_is_kept_of_each_run_that_did_something_and_fails_none() -> None:
    """Also of one that failed: there is a chart, and an artifact unless there is none."""
    legs = [
        run("rebuild-stack.yml", REBUILD)["rebuild"].leg,
        run("rebuild-stack.yml", REBUILD, build="exit 255")["rebuild"].leg,
        run("rebuild-stack.yml", REBUILD, bootstrap="exit 1")["rebuild"].leg,
    ]
    assert {(leg.commands[-1], *uploads(leg)) for leg in legs} == {(TIMELINES["rebuild"], "timeline-rebuild-staging-1")}
    assert uploads(run("rebuild-stack.yml", REBUILD, rebuild="true")["rebuild"].leg) == []
    never = run("rebuild-stack.yml", REBUILD, rebuild_state="exit 1")["rebuild"].leg
    assert (never.commands[-1], uploads(never)) == (REBUILD_STATE, [])

    failed = f"{answer(kept='false')}; exit 1"
    legs = [night(TONIGHT)["destroy"].leg, night(TONIGHT, night_run=failed)["destroy"].leg]
    assert {(leg.commands[-1], *uploads(leg)) for leg in legs} == {(TIMELINES["night"], "timeline-night-staging-1")}
    kept = night(TONIGHT, night_run=answer(kept="true"))["destroy"].leg
    assert (kept.commands[-1], uploads(kept)) == (NIGHT, [])


@pytest.mark.parametrize("file", ["rebuild-stack.yml", "night-of-stack.yml"])
def test_the_last_run_s_times_are_those_of_the_same_stack_and_each_attempt_keeps_its_own(file: str) -> None:
    jobs = yaml.safe_load((REPOSITORY / ".github" / "workflows" / file).read_text())["jobs"]
    steps = jobs["rebuild" if file.startswith("rebuild") else "destroy"]["steps"]
    (cache,) = (step["with"] for step in steps if step.get("uses", "").startswith("actions/cache@"))
    assert re.fullmatch(r"timeline-\w+-\$\{\{ (matrix|inputs)\.stack \}\}-", cache["restore-keys"])
    assert cache["key"] == cache["restore-keys"] + "${{ github.run_id }}-${{ github.run_attempt }}"
    (timeline,) = (step for step in steps if "fleet timeline" in step.get("run", ""))
    assert timeline["env"]["KEPT"].startswith(f"{cache['path']}/")


def scheduled(cron: str) -> Event:
    return Event("schedule", {**PAYLOAD, "schedule": cron})


WEEKDAYS = scheduled("23 6 * * 1-5")


def test_no_morning_comes_by_itself_until_the_variable_names_its_stacks() -> None:
    off = run("rebuild-stack.yml", WEEKDAYS)
    assert set(results(off)) == {"stacks", "health", "rebuild", "alarm"}
    stacks = answer(stacks='["staging", "dev"]')
    on = run("rebuild-stack.yml", WEEKDAYS, {**VARIABLES, "REBUILD_AT_WEEKDAYS": "staging,dev"}, stacks=stacks)
    assert results(on) == {}
    assert [leg.group for leg in on["rebuild"].legs] == ["stack-staging", "stack-dev"]
    assert on["alarm"].leg.output.splitlines()[-1] == '["staging", "dev"]'


@pytest.mark.parametrize("answers", [{"rebuild_state": "exit 1"}, {"gate": "exit 1"}, {"stacks": "exit 1"}])
def test_a_failed_morning_ends_in_an_issue(answers: dict[str, str]) -> None:
    jobs = run("rebuild-stack.yml", WEEKDAYS, {**VARIABLES, "REBUILD_AT_WEEKDAYS": "staging"}, **answers)
    assert jobs["alarm"].leg.commands[-1] == ALARM.format("rebuild-stack", "rebuild")
    needs = json.loads(jobs["alarm"].leg.output.splitlines()[0])
    assert [need["result"] for need in needs.values()].count("failure") == 1


def test_a_failed_merge_ends_in_an_issue_and_fluxs_own_commits_in_none() -> None:
    jobs = run("infra-apply.yml", PUSH, state="exit 1")
    needs, stacks = jobs["alarm"].leg.output.splitlines()
    assert json.loads(needs)["apply"]["result"] == "failure"
    assert stacks == '["staging"]'
    assert run("infra-apply.yml", PUSH, scope="exit 1")["alarm"].result == "success"
    assert run("infra-apply.yml", PUSH, scope=scope(infra=False))["alarm"].result == "skipped"


def night(event: Event, variables: dict[str, str] | None = None, **answers: str) -> dict[str, Job]:
    """The jobs of the one night of a run."""
    (leg,) = run("nightly-destroy.yml", event, variables, **answers)["night"].legs
    return dict(leg.called)


TONIGHT = scheduled("13 20 * * *")
LOOK_FOR_IT = scheduled("43 5 * * *")


@pytest.mark.parametrize("cron", ["13 20 * * *", "13 22 * * *"])
def test_a_night_destroys_and_tells_the_issue_how_it_went(cron: str) -> None:
    """The teardown waits for its turn: it is in the stack's concurrency group."""
    jobs = night(scheduled(cron), {**VARIABLES, "KEEP_UNTIL": "2026-11-29T08:00:00Z"})
    assert jobs["destroy"].leg.commands[-2:] == [NIGHT, TIMELINES["night"]]
    assert jobs["destroy"].leg.output.splitlines()[-1] == "force false, keep 2026-11-29T08:00:00Z"
    assert (jobs["destroy"].leg.group, jobs["destroy"].leg.environment) == ("stack-staging", "staging")
    assert jobs["issue"].leg.output == "staging: success skipped false\n\n"
    assert results(jobs) == {"watchdog": "skipped"}


def test_every_stack_has_a_night_and_an_issue_of_its_own() -> None:
    """The one that fails takes no other with it."""
    jobs = run(
        "nightly-destroy.yml",
        TONIGHT,
        nightly=answer(stacks='["dev", "staging"]'),
        night_run='[ "$STACK" = staging ] || exit 1; ' + answer(kept="false"),
    )
    dev, staging = jobs["night"].legs
    assert (dev.called["destroy"].leg.group, staging.called["destroy"].leg.group) == ("stack-dev", "stack-staging")
    assert dev.called["issue"].leg.output == "dev: failure skipped \n\n"
    assert staging.called["issue"].leg.output == "staging: success skipped false\n\n"
    assert (dev.result, staging.result, jobs["night"].result) == ("failure", "success", "failure")


def test_without_a_stack_that_has_a_night_nothing_is_destroyed() -> None:
    assert results(run("nightly-destroy.yml", TONIGHT, nightly=answer(stacks="[]"))) == {"night": "skipped"}


def test_a_night_whose_stacks_cannot_be_found_is_told_as_well() -> None:
    jobs = run("nightly-destroy.yml", TONIGHT, nightly="exit 1")
    assert results(jobs) == {"stacks": "failure", "night": "skipped"}
    assert '"stacks": {"result": "failure"' in jobs["alarm"].leg.output


def test_a_night_that_fails_ends_in_the_issue_too() -> None:
    report = '{"title": "`id` $(id) 5 resources left"}'
    jobs = night(TONIGHT, night_run=f"{answer(report=report)}; exit 1")
    assert jobs["issue"].leg.output == f"staging: failure skipped \n{report}\n"
    assert results(jobs) == {"destroy": "failure", "watchdog": "skipped"}


def test_a_watchdog_that_finds_an_old_cluster_hands_its_report_to_the_issue() -> None:
    jobs = night(LOOK_FOR_IT, watchdog=f"{answer(report='{}')}; exit 1")
    assert jobs["issue"].leg.output == "staging: skipped failure \n{}\n"


def test_whatever_changes_a_stack_waits_in_the_one_line_of_the_stack() -> None:
    """So a job that finds another job's lock knows that this job is gone."""
    destroy = night(TONIGHT)["destroy"].leg
    rebuild = run("rebuild-stack.yml", REBUILD)["rebuild"].leg
    merge = run("infra-apply.yml", PUSH, state=answer(operation="up"))["apply"].leg
    assert {destroy.group, rebuild.group, merge.group} == {"stack-staging"}
    assert "--recover" in destroy.commands[-2]
    assert "--take-lock" not in destroy.commands[-2]


def test_a_night_by_hand_may_be_forced() -> None:
    """The input `force` reaches the command."""
    jobs = night(Event("workflow_dispatch", {**PAYLOAD, "inputs": {"stack": "blue", "force": True}}))
    assert jobs["destroy"].leg.output.splitlines()[-1] == "force true, keep "
    assert jobs["destroy"].leg.group == "stack-blue"


def test_the_watchdog_looks_in_the_morning_and_destroys_nothing() -> None:
    jobs = night(LOOK_FOR_IT, watchdog='echo "keep $KEEP_UNTIL"; exit 1', variables={**VARIABLES, "KEEP_UNTIL": "x"})
    assert jobs["watchdog"].leg.output.splitlines()[-1] == "keep x"
    assert jobs["issue"].leg.output == "staging: skipped failure \n\n"
    assert results(jobs) == {"destroy": "skipped", "watchdog": "failure"}


def test_without_an_account_there_is_no_night() -> None:
    assert set(results(run("nightly-destroy.yml", TONIGHT, {})).values()) == {"skipped"}


@pytest.mark.parametrize(("command", "found"), [("true", {}), ("exit 1", {"support": "failure"})])
def test_support_dates_are_looked_at_weekly_without_an_account(command: str, found: dict[str, str]) -> None:
    jobs = run("support-dates.yml", scheduled("27 7 * * 1"), {}, support=f'{command}; test -n "$GITHUB_TOKEN"')
    assert jobs["support"].leg.commands[-1] == SUPPORT
    assert results(jobs) == found


TAG = Event("push", PAYLOAD, ref="refs/tags/v1.2.0")


def test_a_pull_request_builds_and_tries_the_image_and_pushes_nothing() -> None:
    jobs = run("load-harness.yml", pull_request(), smoke='echo "$IMAGE $VERSION"')
    assert results(jobs) == {"release": "skipped"}
    assert jobs["image"].leg.output == "load-harness:v0.0.0-pr.7 v0.0.0-pr.7\n"


def test_a_tag_is_tested_tried_and_pushed() -> None:
    jobs = run("load-harness.yml", TAG, smoke='echo "$IMAGE $VERSION"')
    assert results(jobs) == {"image": "skipped"}
    assert jobs["test"].leg.commands == [TESTS]
    assert jobs["release"].leg.output == "load-harness:v1.2.0 v1.2.0\n"
    assert jobs["release"].leg.steps[-1].command == "docker/build-push-action"


def test_a_release_that_is_run_again_after_its_push_ends_well() -> None:
    again = run("load-harness.yml", TAG, needed=answer(needed="false"))["release"].leg
    assert again.result == "success"
    assert not any(step.inputs.get("push") for step in again.steps)
    refused = run("load-harness.yml", TAG, needed="exit 1")["release"].leg
    assert (refused.result, refused.commands[-1]) == ("failure", NEEDED)


def test_each_week_what_is_deployed_is_built_anew_and_scanned_whole() -> None:
    jobs = run("rebuild-images.yml", scheduled("37 4 * * 2"), smoke='[ "$VERSION" = v0.0.0-weekly ]')
    assert results(jobs) == {}
    refs = [step.inputs["ref"] for leg in jobs["scan"].legs for step in leg.steps if "ref" in step.inputs]
    assert refs == ["main", "v1.2.0"]
    assert not any(step.inputs.get("push") for leg in jobs["scan"].legs for step in leg.steps)
    failed = run("rebuild-images.yml", scheduled("37 4 * * 2"), smoke="exit 1")
    assert '"scan": {"result": "failure"' in failed["alarm"].leg.output


def test_a_merge_queue_gets_the_required_checks_and_no_role() -> None:
    payload = {**PAYLOAD, "merge_group": {"base_sha": "b" * 40, "head_sha": "a" * 40}}
    event = Event("merge_group", payload, ref="refs/heads/gh-readonly-queue/main/pr-7")
    jobs = run("infra-plan.yml", event)
    assert results(jobs) == {"plan": "skipped"}
    assert jobs["scope"].leg.output == f"{'b' * 40}..{'a' * 40}\n"
    stages = {f".venv/bin/fleet check --stage {stage.value} --format github": "true" for stage in Stage}
    checks = Run("k8s-manifest-validate.yml", event, REPOSITORY, {"PATH": os.environ["PATH"]}, {}, ANSWERS | stages)
    assert results(checks.jobs()) == {}


WARM = {"make tools": "true", CHECKS: "true", "pulumi plugin install": "true"}


def entries(jobs: dict[str, Job], *actions: str) -> set[tuple[str, str]]:
    """The caches that jobs ask for or save: path and key; of pip's, the locks that its key is made from."""
    steps = [step for job in jobs.values() for leg in job.legs for step in leg.steps]
    saved = {(step.inputs["path"], step.inputs["key"]) for step in steps if step.command in actions}
    pip = {("pip", step.inputs["cache-dependency-path"]) for step in steps if step.inputs.get("cache") == "pip"}
    return saved | pip


def test_the_first_push_of_a_pull_request_finds_what_main_has_saved() -> None:
    """GitHub shows the entries of main to every branch, and those of a pull request to no other."""
    environ = {"PATH": os.environ["PATH"]}
    stages = {f".venv/bin/fleet check --stage {stage.value} --format github": "true" for stage in Stage}
    checks = Run("k8s-manifest-validate.yml", pull_request(), REPOSITORY, environ, {}, ANSWERS | stages).jobs()
    asked = entries(run("infra-plan.yml", pull_request()), "actions/cache") | entries(checks, "actions/cache")
    main = Run("warm-caches.yml", PUSH, REPOSITORY, environ, {}, ANSWERS | WARM).jobs()
    assert results(main) == {}
    assert len(asked) == 6
    assert asked <= entries(main, "actions/cache", "actions/cache/save")


def test_what_main_has_built_is_saved_after_a_failure_too_and_found_by_the_start_of_its_key() -> None:
    environ = {"PATH": os.environ["PATH"]}
    failing = ANSWERS | WARM | {"make tools": "exit 1"}
    steps = Run("warm-caches.yml", PUSH, REPOSITORY, environ, {}, failing).jobs()["tools"].leg.steps
    (saved,) = (step.inputs["key"] for step in steps if step.command == "actions/cache/save")
    jobs = run("infra-plan.yml", pull_request())
    (asked,) = (step.inputs for step in jobs["checks"].leg.steps if step.command == "actions/cache")
    assert saved == f"{asked['key']}-101"
    assert asked["restore-keys"] == asked["key"]


def test_without_an_account_a_tag_pushes_nothing() -> None:
    assert results(run("load-harness.yml", TAG, variables={})) == {"image": "skipped", "release": "skipped"}


def test_an_image_that_fails_its_trial_is_not_pushed() -> None:
    jobs = run("load-harness.yml", TAG, smoke="exit 1")
    assert results(jobs) == {"image": "skipped", "release": "failure"}
    assert not any(step.command.startswith("aws-actions") for step in jobs["release"].leg.steps)


def test_code_that_fails_its_tests_is_not_built() -> None:
    assert results(run("load-harness.yml", TAG, tests="exit 1")) == {
        "test": "failure",
        "image": "skipped",
        "release": "skipped",
    }


def test_a_nightly_teardown_ends_with_a_report_before_its_job_is_killed() -> None:
    """The job also checks out, installs and writes its summary."""
    job = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "night-of-stack.yml").read_text())["jobs"]["destroy"]
    assert job["timeout-minutes"] * 60 - time_budget.WITHIN >= 600
