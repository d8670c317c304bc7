"""What GitHub has to know of the account: the exact commands for its variables, environments and the rules of main."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from infra.contract import names

if TYPE_CHECKING:
    from permanent.settings import Settings

REQUIRED_CHECKS = ("infra-plan", "k8s-manifest-validate")
"""The jobs that report on every pull request, each named as its workflow."""

ACTIONS_APP = 15368
"""GitHub's id of the app GitHub Actions. Without it a commit status of the check's name, from any token that may write
statuses, would satisfy the rule (GitHub REST reference, repository rules: `integration_id`)."""

ADMIN_ROLE = 5
"""GitHub's id of the repository role `admin` in rulesets (GitHub REST reference, repository rules)."""


def variables(settings: Settings) -> dict[str, str]:
    """The repository variables that the workflows read; none is a secret."""
    account, region = settings.account_id, settings.region
    return {
        "AWS_ACCOUNT_ID": account,
        "AWS_REGION": region,
        "AWS_PREVIEW_ROLE_ARN": names.role_arn(account, names.PREVIEW_ROLE),
        "AWS_DEPLOY_ROLE_ARN": names.role_arn(account, names.DEPLOY_ROLE),
        "AWS_PUSH_ROLE_ARN": names.role_arn(account, names.PUSH_ROLE),
        "PULUMI_BACKEND_URL": names.state_backend(account, region),
    }


def environment() -> dict[str, object]:
    """A GitHub environment whose jobs run on main only."""
    return {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}


def ruleset() -> dict[str, object]:
    """The rules of main: pull requests with a review, of an owner where .github/CODEOWNERS names one, and the checks.

    Flux pushes to main: it writes itself at the bootstrap, and image automation moves tags. Its token belongs to an
    administrator of the repository, whose role may bypass.
    """
    return {
        "name": "main",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "bypass_actors": [{"actor_id": ADMIN_ROLE, "actor_type": "RepositoryRole", "bypass_mode": "always"}],
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {
                "type": "pull_request",
                "parameters": {
                    "required_approving_review_count": 1,
                    "dismiss_stale_reviews_on_push": True,
                    "require_code_owner_review": True,
                    "require_last_push_approval": False,
                    "required_review_thread_resolution": False,
                },
            },
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": False,
                    "required_status_checks": [
                        {"context": check, "integration_id": ACTIONS_APP} for check in REQUIRED_CHECKS
                    ],
                },
            },
        ],
    }


def tag_ruleset() -> dict[str, object]:
    """The rules of release tags, each of which the push role makes an image of: administrators alone set them."""
    return {
        "name": "releases",
        "target": "tag",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["refs/tags/v*"], "exclude": []}},
        "bypass_actors": [{"actor_id": ADMIN_ROLE, "actor_type": "RepositoryRole", "bypass_mode": "always"}],
        "rules": [{"type": "creation"}, {"type": "update"}, {"type": "deletion"}],
    }


STOP = """stop() { printf '%s\\n' "stopped, nothing after this was done: $1" >&2; exit 1; }"""
"""A function of the script. It ends the subshell that the script is, not the shell that it is pasted into."""

NO_ENVIRONMENT = (
    f"GitHub did not make the environment {names.GITHUB_ENVIRONMENT} for main only: the role is not handed over. "
    "In a private repository this needs GitHub Pro, Team or Enterprise (docs/github-plans.md)"
)
NO_RULES = (
    "GitHub did not take the rules, so the deploy role is not handed over. "
    "In a private repository they need GitHub Pro, Team or Enterprise (docs/github-plans.md)"
)
NO_REVIEW = (
    f"the environment {names.GITHUB_REVIEW_ENVIRONMENT} has no reviewers: whoever may run workflows can free a lock. "
    "In a private repository reviewers need GitHub Enterprise; all else is done (docs/github-plans.md)"
)


def commands(settings: Settings) -> str:
    """A shell script for a person with `gh` and the right to administer the repository; it holds no secret.

    It can be run again, and ends at the first step that GitHub refuses: the role's name comes after what protects it.
    The person becomes the reviewer of the review environment unless it has reviewers already.
    """
    repository = settings.github_repository
    review = names.GITHUB_REVIEW_ENVIRONMENT
    lines = [
        "(",
        "set -e",
        STOP,
        f"# environment {names.GITHUB_ENVIRONMENT}, whose jobs may assume the deploy role: main only",
        *_environment(repository, names.GITHUB_ENVIRONMENT, json.dumps(environment()), NO_ENVIRONMENT),
        "# rules of main, and of release tags",
        *_ruleset(repository, ruleset()),
        *_ruleset(repository, tag_ruleset()),
        "# the token that Flux reads and writes the repository with: asked for, never an argument",
        f"gh secret set FLUX_GITHUB_TOKEN --repo {repository} --env {names.GITHUB_ENVIRONMENT}",
        "# variables of the repository",
        *(
            f"gh variable set {name} --repo {repository} --body {shlex.quote(value)}"
            for name, value in variables(settings).items()
        ),
        f"# environment {review}, whose reviewers let a lock be freed: those that it has, else you",
        # A look-up that fails is not an environment without reviewers: nothing after it is done.
        f"reviewers=$(gh api repos/{repository}/environments --jq '{REVIEWERS}') || stop 'its reviewers are unknown'",
        """[ "$reviewers" != "[]" ] || reviewers=$(gh api user --jq '[{type: "User", id: .id}]')""",
        *_environment(repository, review, '{"reviewers": $reviewers, ' + json.dumps(environment())[1:], NO_REVIEW),
        ")",
    ]
    return "\n".join(lines)


REVIEWERS = (
    f'[.environments[] | select(.name == "{names.GITHUB_REVIEW_ENVIRONMENT}") | .protection_rules[]? '
    '| select(.type == "required_reviewers") | .reviewers[] | {type: .type, id: .reviewer.id}]'
)
"""The reviewers in GitHub's list of environments, as its API takes them."""


def _environment(repository: str, name: str, body: str, refused: str) -> list[str]:
    """Make an environment, or set what it allows; GitHub refuses a branch policy that is there already."""
    path = f"repos/{repository}/environments/{name}"
    policies = f"{path}/deployment-branch-policies"
    made = f"gh api {policies} --jq '.branch_policies[].name' | grep -qx main"
    stop = f"|| stop {shlex.quote(refused)}"
    return [
        f"gh api --method PUT {path} --input - <<JSON {stop}\n{body}\nJSON",
        f"{made} || gh api --method POST {policies} -f name=main {stop}",
    ]


def _ruleset(repository: str, rules: dict[str, object]) -> list[str]:
    """Make a ruleset, or set that of the same name: GitHub refuses a second one."""
    path = f"repos/{repository}/rulesets"
    body = json.dumps(rules, indent=2)
    method = '$([ -n "$id" ] && echo PUT || echo POST)'
    stop = f"|| stop {shlex.quote(NO_RULES)}"
    return [
        f"""id=$(gh api {path} --jq '.[] | select(.name == "{rules["name"]}") | .id') {stop}""",
        f"gh api --method {method} {path}${{id:+/$id}} --input - <<'JSON' {stop}\n{body}\nJSON",
    ]
