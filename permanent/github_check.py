"""Whether GitHub's repository is as the workflows need it: asked of its API, with the token of `gh`.

Each point is fine, wrong with the command that sets it right, or unknown. Nothing is changed.
Source: GitHub REST reference: repositories, Actions permissions, workflows (their `state`), variables, environments,
repository rules.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from github import GithubException

from common.console import Line, Sign
from common.errors import CannotRunError, UnknownError
from common.github import connect, refusals
from infra.contract import names
from permanent import github_setup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from github import Github

    from permanent.settings import Settings

SCHEDULED = ("nightly-destroy.yml", "rebuild-stack.yml", "rebuild-images.yml", "warm-caches.yml", "support-dates.yml")
"""The workflows that come by themselves."""

SCRIPT = ".venv/bin/fleet account github"
"""What prints the commands that make environments and rules."""

FORBIDDEN, MISSING = 403, 404


@dataclass(frozen=True)
class Point:
    """One thing that was looked at.

    Attributes:
        what: what it is about.
        problem: what is wrong; empty: nothing.
        remedy: the command that sets it right.
        is_unknown: whether GitHub did not say.
    """

    what: str
    problem: str = ""
    remedy: str = ""
    is_unknown: bool = False

    @property
    def line(self) -> Line:
        """Say it."""
        unknown = "unknown: " if self.is_unknown else ""
        return Line(Sign.of(not self.problem), f"{self.what}: {unknown}{self.problem}" if self.problem else self.what)


def token() -> str:
    """The token of `gh`.

    Raises:
        CannotRunError: there is no gh, or nobody is logged in.
    """
    try:
        done = subprocess.run(["gh", "auth", "token"], capture_output=True, text=True, check=False)  # noqa: S607
    except FileNotFoundError:
        raise CannotRunError("gh is not on PATH: install it (https://cli.github.com)") from None
    if done.returncode != 0 or not done.stdout.strip():
        raise CannotRunError("gh has no token: run gh auth login")
    return done.stdout.strip()


def check(settings: Settings, secret: str) -> list[Point]:
    """Look at everything. A point that GitHub does not answer is unknown, and the others are looked at all the same.

    Args:
        settings: of the permanent layer.
        secret: the token of somebody who may administer the repository.
    """
    there = _Repository(connect(secret), settings.github_repository)
    points: list[Point] = []
    for what, look in _LOOKS.items():
        try:
            with refusals(what):
                points += look(there, settings)
        except UnknownError as error:
            points.append(Point(what, str(error).removeprefix(f"{what}: "), is_unknown=True))
    return points


class _Repository:
    """GitHub's answers about one repository."""

    def __init__(self, client: Github, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, path: str = "") -> Any:
        """Ask for a document. Raises GithubException."""
        return self._client.requester.requestJsonAndCheck("GET", f"/repos/{self.name}{path}")[1]

    def find(self, path: str) -> Any:
        """Ask for a document that may be missing, or that the plan does not have: then None. Raises GithubException."""
        try:
            return self.get(path)
        except GithubException as error:
            if error.status == MISSING or (error.status == FORBIDDEN and "Upgrade to GitHub" in str(error.data)):
                return None
            raise


def _features(there: _Repository, _settings: Settings) -> Iterator[Point]:
    document = there.get()
    is_admin = document.get("permissions", {}).get("admin", False)
    yield Point("your rights", "" if is_admin else "you may not administer the repository", "gh auth login")
    where = "a fork has them off" if document["fork"] else "they are off"
    remedy = f"gh repo edit {there.name} --enable-issues"
    yield Point("issues", "" if document["has_issues"] else f"{where}: no failed night opens one", remedy)
    branch = document["default_branch"]
    remedy = f"gh repo edit {there.name} --default-branch main"
    yield Point("default branch", "" if branch == "main" else f"it is {branch}: schedules run from it", remedy)


def _actions(there: _Repository, _settings: Settings) -> Iterator[Point]:
    permissions = there.get("/actions/permissions")
    allowed = permissions.get("allowed_actions", "all")
    problem = "" if permissions["enabled"] else "off: no workflow runs"
    if permissions["enabled"] and allowed == "local_only":
        problem = "only actions of the repository itself are allowed"
    remedy = f"gh api --method PUT repos/{there.name}/actions/permissions -F enabled=true -f allowed_actions=all"
    yield Point("Actions", problem, remedy)


def _schedules(there: _Repository, _settings: Settings) -> Iterator[Point]:
    listed = there.get("/actions/workflows?per_page=100")["workflows"]
    states = {each["path"].rpartition("/")[2]: each["state"] for each in listed}
    for file in SCHEDULED:
        state = states.get(file, "not on the default branch")
        yield Point(
            f"schedule of {file}", "" if state == "active" else state, f"gh workflow enable {file} --repo {there.name}"
        )


def _variables(there: _Repository, settings: Settings) -> Iterator[Point]:
    listed = there.get("/actions/variables?per_page=30")["variables"]
    found = {each["name"]: each["value"] for each in listed}
    for name, value in github_setup.variables(settings).items():
        problem = "" if found.get(name) == value else f"it is {found[name]!r}" if name in found else "not set"
        yield Point(
            f"variable {name}", problem, f"gh variable set {name} --repo {there.name} --body {shlex.quote(value)}"
        )


def _environments(there: _Repository, _settings: Settings) -> Iterator[Point]:
    for name in (names.GITHUB_ENVIRONMENT, names.GITHUB_REVIEW_ENVIRONMENT):
        yield Point(f"environment {name}", _problem(there, name), SCRIPT)
    secrets = there.find(f"/environments/{names.GITHUB_ENVIRONMENT}/secrets")
    is_set = secrets is not None and any(each["name"] == "FLUX_GITHUB_TOKEN" for each in secrets["secrets"])
    remedy = f"gh secret set FLUX_GITHUB_TOKEN --repo {there.name} --env {names.GITHUB_ENVIRONMENT}"
    yield Point("secret FLUX_GITHUB_TOKEN", "" if is_set else "not set", remedy)


def _problem(there: _Repository, name: str) -> str:
    environment = there.find(f"/environments/{name}")
    if environment is None:
        return "missing"
    policy: dict[str, Any] | None = environment.get("deployment_branch_policy")
    if not policy or not policy.get("custom_branch_policies"):
        return "not protected: every branch may use it"
    policies = there.get(f"/environments/{name}/deployment-branch-policies")["branch_policies"]
    branches = sorted(each["name"] for each in policies)
    if branches != ["main"]:
        return f"for {', '.join(branches) or 'no branch'}, expected main alone"
    has_reviewers = any(rule["type"] == "required_reviewers" for rule in environment.get("protection_rules", ()))
    if name == names.GITHUB_REVIEW_ENVIRONMENT and not has_reviewers:
        return "no reviewers: whoever may run workflows can free a lock (a private repository needs GitHub Enterprise)"
    if name == names.GITHUB_ENVIRONMENT and has_reviewers:
        return "it has reviewers: every merge and every nightly teardown waits for them"
    return ""


def _rules(there: _Repository, _settings: Settings) -> Iterator[Point]:
    listed = there.find("/rulesets")
    for wanted in (github_setup.ruleset(), github_setup.tag_ruleset()):
        what = f"rules {wanted['name']}"
        if listed is None:
            yield Point(what, "the plan has none for a private repository (docs/github-plans.md)", "see that page")
            continue
        found = [each["id"] for each in listed if each["name"] == wanted["name"]]
        yield Point(what, _differs(there.get(f"/rulesets/{found[0]}"), wanted) if found else "missing", SCRIPT)


def _differs(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if found["enforcement"] != "active":
        return f"they are {found['enforcement']}, expected active"
    rules = {rule["type"]: rule.get("parameters", {}) for rule in found["rules"]}
    missing = [rule["type"] for rule in wanted["rules"] if rule["type"] not in rules]
    if missing:
        return f"without {', '.join(missing)}"
    checks = _checks(wanted["rules"]) - _checks(found["rules"])
    return f"without the check {', '.join(sorted(name for name, _ in checks))} of GitHub Actions" if checks else ""


def _checks(rules: Sequence[Mapping[str, Any]]) -> set[tuple[str, int | None]]:
    """Required check → the app that must report it."""
    listed = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
    return {(each["context"], each.get("integration_id")) for rule in listed for each in rule["required_status_checks"]}


def _flux(there: _Repository, _settings: Settings) -> Iterator[Point]:
    secret = os.environ.get("FLUX_GITHUB_TOKEN")
    if not secret:
        return
    rights = _Repository(connect(secret), there.name).get().get("permissions", {})
    lacking = [right for right in ("push", "admin") if not rights.get(right)]
    problem = f"its owner lacks {', '.join(lacking)}: the rules of main refuse its pushes" if lacking else ""
    yield Point("rights of FLUX_GITHUB_TOKEN", problem, "make it again as an administrator of the repository")


_LOOKS: Mapping[str, Callable[[_Repository, Settings], Iterator[Point]]] = {
    "the repository": _features,
    "Actions": _actions,
    "schedules": _schedules,
    "variables": _variables,
    "environments": _environments,
    "rules": _rules,
    "rights of FLUX_GITHUB_TOKEN": _flux,
}
