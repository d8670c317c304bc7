"""`fleet account github --check`: each thing that a repository may lack, and the command that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from common.errors import FleetError
from infra.contract import names
from permanent import github_check, github_setup
from permanent.settings import parse
from tests.support import github_api
from tests.support.checkout import REPOSITORY
from tests.support.workflows import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.github_api import GitHubApi

SETTINGS = parse(
    {
        "accountId": "123456789012",
        "region": "eu-west-2",
        "githubRepository": github_api.NAME,
        "clusters": ["staging"],
        "alarmEmail": "platform@example.com",
    }
)
DEPLOY, REVIEW = names.GITHUB_ENVIRONMENT, names.GITHUB_REVIEW_ENVIRONMENT
UPGRADE = (403, {"message": "Upgrade to GitHub Pro or make this repository public to enable this feature."})


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubApi]:
    """A repository that has had day zero."""
    with github_api.serving() as there:
        monkeypatch.setenv("GITHUB_API_URL", there.url)
        monkeypatch.delenv("FLUX_GITHUB_TOKEN", raising=False)
        there.repository["permissions"] = {"admin": True, "push": True}
        branches = {"deployment_branch_policy": github_setup.environment()["deployment_branch_policy"]}
        reviewed = {**branches, "protection_rules": [{"type": "branch_policy"}, {"type": "required_reviewers"}]}
        main = {"branch_policies": [{"name": "main"}]}
        variables = [{"name": name, "value": value} for name, value in github_setup.variables(SETTINGS).items()]
        workflows = [{"path": f".github/workflows/{file}", "state": "active"} for file in github_check.SCHEDULED]
        rules = [github_setup.ruleset(), github_setup.tag_ruleset()]
        there.documents = {
            "actions/permissions": {"enabled": True, "allowed_actions": "all"},
            "actions/workflows": {"workflows": workflows},
            "actions/variables": {"variables": variables},
            f"environments/{DEPLOY}": {**branches, "protection_rules": [{"type": "branch_policy"}]},
            f"environments/{REVIEW}": reviewed,
            f"environments/{DEPLOY}/deployment-branch-policies": main,
            f"environments/{REVIEW}/deployment-branch-policies": main,
            f"environments/{DEPLOY}/secrets": {"secrets": [{"name": "FLUX_GITHUB_TOKEN"}]},
            "rulesets": [{"id": number, "name": rule["name"]} for number, rule in enumerate(rules)],
            **{f"rulesets/{number}": rule for number, rule in enumerate(rules)},
        }
        yield there


def wrong() -> dict[str, tuple[str, str]]:
    """What is not fine: its line → its remedy."""
    points = github_check.check(SETTINGS, "token")
    return {point.what: (str(point.line), point.remedy) for point in points if point.problem}


def test_a_repository_after_day_zero_is_fine_and_nothing_is_changed(github: GitHubApi) -> None:
    assert wrong() == {}
    assert github.writes == []


def fork(github: GitHubApi) -> None:
    github.repository |= {"fork": True, "has_issues": False}


def schedules_of_a_fork(github: GitHubApi) -> None:
    github.documents["actions/workflows"]["workflows"][0]["state"] = "disabled_fork"


def sixty_quiet_days(github: GitHubApi) -> None:
    github.documents["actions/workflows"]["workflows"][1]["state"] = "disabled_inactivity"


def no_actions(github: GitHubApi) -> None:
    github.documents["actions/permissions"] = {"enabled": False}


def local_actions(github: GitHubApi) -> None:
    github.documents["actions/permissions"]["allowed_actions"] = "local_only"


def another_account(github: GitHubApi) -> None:
    github.documents["actions/variables"]["variables"][0]["value"] = "210987654321"


def no_variable(github: GitHubApi) -> None:
    github.documents["actions/variables"]["variables"].pop()


def any_branch(github: GitHubApi) -> None:
    github.documents[f"environments/{DEPLOY}"]["deployment_branch_policy"] = None


def another_branch(github: GitHubApi) -> None:
    github.documents[f"environments/{DEPLOY}/deployment-branch-policies"] = {"branch_policies": [{"name": "*"}]}


def no_environment(github: GitHubApi) -> None:
    del github.documents[f"environments/{DEPLOY}"]


def nobody_reviews(github: GitHubApi) -> None:
    github.documents[f"environments/{REVIEW}"]["protection_rules"] = []


def somebody_reviews_each_merge(github: GitHubApi) -> None:
    github.documents[f"environments/{DEPLOY}"]["protection_rules"].append({"type": "required_reviewers"})


def no_secret(github: GitHubApi) -> None:
    github.documents[f"environments/{DEPLOY}/secrets"] = {"secrets": []}


def no_rules_on_the_plan(github: GitHubApi) -> None:
    github.failures["rulesets"] = UPGRADE


def no_tag_rules(github: GitHubApi) -> None:
    github.documents["rulesets"].pop()


def rules_that_only_watch(github: GitHubApi) -> None:
    github.documents["rulesets/0"]["enforcement"] = "evaluate"


def any_status_counts(github: GitHubApi) -> None:
    (rule,) = (each for each in github.documents["rulesets/0"]["rules"] if each["type"] == "required_status_checks")
    for check in rule["parameters"]["required_status_checks"]:
        del check["integration_id"]


def a_colleague(github: GitHubApi) -> None:
    github.repository["permissions"]["admin"] = False


@pytest.mark.parametrize(
    ("change", "what", "said", "remedy"),
    [
        (fork, "issues", "a fork has them off", "gh repo edit your-org/infra-fleet --enable-issues"),
        (
            schedules_of_a_fork,
            "schedule of nightly-destroy.yml",
            "disabled_fork",
            "workflow enable nightly-destroy.yml",
        ),
        (
            sixty_quiet_days,
            "schedule of rebuild-stack.yml",
            "disabled_inactivity",
            "workflow enable rebuild-stack.yml",
        ),
        (no_actions, "Actions", "no workflow runs", "actions/permissions -F enabled=true"),
        (local_actions, "Actions", "only actions of the repository itself", "allowed_actions=all"),
        (another_account, "variable AWS_ACCOUNT_ID", "it is '210987654321'", "gh variable set AWS_ACCOUNT_ID"),
        (no_variable, "variable PULUMI_BACKEND_URL", "not set", "gh variable set PULUMI_BACKEND_URL"),
        (any_branch, "environment staging", "every branch may use it", github_check.SCRIPT),
        (another_branch, "environment staging", "for *, expected main alone", github_check.SCRIPT),
        (no_environment, "environment staging", "missing", github_check.SCRIPT),
        (nobody_reviews, "environment staging-review", "no reviewers", github_check.SCRIPT),
        (somebody_reviews_each_merge, "environment staging", "it has reviewers", github_check.SCRIPT),
        (no_secret, "secret FLUX_GITHUB_TOKEN", "not set", "gh secret set FLUX_GITHUB_TOKEN"),
        (no_rules_on_the_plan, "rules main", "the plan has none", "see that page"),
        (no_tag_rules, "rules releases", "missing", github_check.SCRIPT),
        (rules_that_only_watch, "rules main", "they are evaluate", github_check.SCRIPT),
        (any_status_counts, "rules main", "without the check infra-plan, k8s-manifest-validate", github_check.SCRIPT),
        (a_colleague, "your rights", "may not administer", "gh auth login"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_sets_it_right(
    github: GitHubApi, change: Callable[[Any], None], what: str, said: str, remedy: str
) -> None:
    change(github)
    line, command = wrong()[what]
    assert line.startswith(f"✗ {what}: ")
    assert said in line
    assert remedy in command


@pytest.mark.parametrize("status", [401, 403, 500])
def test_what_github_does_not_say_is_unknown_and_never_fine(github: GitHubApi, status: int) -> None:
    github.failures["actions/permissions"] = (status, {"message": "Resource not accessible by personal access token"})
    found = wrong()
    assert found["Actions"][0].startswith(f"✗ Actions: unknown: GitHub answers {status}")
    assert list(found) == ["Actions"], "the others are looked at all the same"


def test_flux_s_token_is_looked_at_where_it_is_in_the_environment(
    github: GitHubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_GITHUB_TOKEN", "another")
    assert wrong() == {}
    a_colleague(github)
    assert "its owner lacks admin" in wrong()["rights of FLUX_GITHUB_TOKEN"][0]


def test_the_token_is_that_of_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError, match="gh is not on PATH"):
        github_check.token()
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\n[ "$*" = "auth token" ] && echo secret\n')
    gh.chmod(0o755)
    assert github_check.token() == "secret"
    gh.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(FleetError, match="gh auth login"):
        github_check.token()


def test_every_workflow_with_a_schedule_is_looked_at() -> None:
    folder = REPOSITORY / ".github" / "workflows"
    scheduled = {path.name for path in folder.iterdir() if "schedule" in load(path)["on"]}
    assert scheduled == set(github_check.SCHEDULED)
