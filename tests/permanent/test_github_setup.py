from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.contract import names
from permanent import github_setup
from permanent.settings import SettingsError, parse
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

VALUES: dict[str, object] = {
    "accountId": "123456789012",
    "region": "eu-west-2",
    "githubRepository": "your-org/infra-fleet",
    "clusters": ["staging"],
    "alarmEmail": "platform@example.com",
}
SETTINGS = parse(VALUES)


GH = """#!/usr/bin/env -S python3 -I -S
# Stands for gh: notes what it is asked, and keeps rulesets, environments and branch policies as GitHub's API does.
import json, pathlib, sys
store, log = pathlib.Path({store!r}), pathlib.Path({log!r})
state = json.loads(store.read_text()) if store.exists() else {{"rulesets": [], "environments": {{}}}}
argv = sys.argv[1:]
body = sys.stdin.read() if "--input" in argv else ""
with log.open("a") as file:
    file.write(json.dumps([argv, body]) + "\\n")
if argv[:2] == ["variable", "set"]:
    state.setdefault("variables", {{}})[argv[2]] = argv[-1]
    store.write_text(json.dumps(state))
if argv[0] != "api":
    sys.exit(0)
if any(word.endswith({broken!r}) for word in argv) and "--method" not in argv:
    sys.exit(1)
# What a private repository lacks: 403 for rulesets and branch policies, 422 for reviewers. GitHub makes the environment
# all the same when it refuses its reviewers.
def lacks(feature):
    return feature in {lacking!r}
method = argv[argv.index("--method") + 1] if "--method" in argv else "GET"
path = next(word for word in argv[1:] if word == "user" or word.startswith("repos/")).split("/", 3)[-1]
parts = path.split("/")
if path == "user":
    print('[{{"type":"User","id":7}}]')
elif lacks(parts[0]) or lacks(parts[-1]) and method == "POST":
    sys.exit("gh: Upgrade to GitHub Pro or make this repository public to enable this feature. (HTTP 403)")
elif parts[0] == "rulesets":
    names = [each["name"] for each in state["rulesets"]]
    if method == "GET":
        wanted = argv[argv.index("--jq") + 1].split('"')[1]
        print(names.index(wanted) + 1 if wanted in names else "", end="")
    elif method == "POST":
        assert json.loads(body)["name"] not in names, "422: a ruleset of that name is there"
        state["rulesets"].append(json.loads(body))
    else:
        state["rulesets"][int(parts[1]) - 1] = json.loads(body)
elif parts[-1] == "deployment-branch-policies":
    policies = state["environments"][parts[1]]["policies"]
    if method == "GET":
        print("\\n".join(policies))
    else:
        assert "main" not in policies, "303: that policy is there"
        policies.append("main")
elif path == "environments":
    wanted = argv[argv.index("--jq") + 1].split('"')[1]
    print(json.dumps(state["environments"].get(wanted, {{"body": {{}}}})["body"].get("reviewers", [])))
else:
    policies = state["environments"].get(parts[1], {{"policies": []}})["policies"]
    given = json.loads(body)
    refused = lacks("reviewers") and given.pop("reviewers", None) is not None
    state["environments"][parts[1]] = {{"body": given, "policies": policies}}
    if refused:
        store.write_text(json.dumps(state))
        sys.exit("gh: Failed to create the environment protection rule. (HTTP 422)")
store.write_text(json.dumps(state))
"""


def run(tmp_path: Path, broken: str = "nothing", lacking: tuple[str, ...] = (), said: str = "") -> dict[str, Any]:
    """Run the commands as they are printed, as somebody pastes them; gives the repository.

    Args:
        tmp_path: where the stand-in for gh keeps it.
        broken: a look-up that ends so gets no answer.
        lacking: what the plan of a private repository does not have.
        said: what the script must say as it ends.
    """
    gh = tmp_path / "gh"
    gh.write_text(GH.format(store=str(tmp_path / "store"), log=str(tmp_path / "log"), broken=broken, lacking=lacking))
    gh.chmod(0o755)
    script = github_setup.commands(SETTINGS)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-uc", f"{script}\necho still here"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("still here\n"), "it ends itself, not the shell of the person"
    assert said in done.stderr
    assert ("stopped" in done.stderr) == bool(said)
    return json.loads((tmp_path / "store").read_text()) if (tmp_path / "store").exists() else {}


def calls(tmp_path: Path) -> list[list[str]]:
    """The arguments of each gh."""
    run(tmp_path)
    return [json.loads(line)[0] for line in (tmp_path / "log").read_text().splitlines()]


def test_the_commands_set_the_variables_of_the_repository(tmp_path: Path) -> None:
    made = calls(tmp_path)
    variables = {argv[2]: argv[-1] for argv in made if argv[:2] == ["variable", "set"]}
    assert variables == github_setup.variables(SETTINGS)
    assert all("your-org/infra-fleet" in " ".join(argv) for argv in made if argv[:2] != ["api", "user"])


def test_the_repository_is_the_same_however_often_they_are_run(tmp_path: Path) -> None:
    state = run(tmp_path)
    assert run(tmp_path) == state
    rules, tags = state["rulesets"]
    assert {rule["type"] for rule in rules["rules"]} == {
        "deletion",
        "non_fast_forward",
        "pull_request",
        "required_status_checks",
    }
    assert (tags["target"], tags["conditions"]["ref_name"]["include"]) == ("tag", ["refs/tags/v*"])
    assert {rule["type"] for rule in tags["rules"]} == {"creation", "update", "deletion"}
    for environment in state["environments"].values():
        assert environment["body"]["deployment_branch_policy"] == {
            "protected_branches": False,
            "custom_branch_policies": True,
        }
        assert environment["policies"] == ["main"]


def test_a_lock_is_never_freed_without_a_review_and_reviewers_that_were_named_stay(tmp_path: Path) -> None:
    state = run(tmp_path)
    assert "reviewers" not in state["environments"][names.GITHUB_ENVIRONMENT]["body"]
    review = state["environments"][names.GITHUB_REVIEW_ENVIRONMENT]
    assert review["body"]["reviewers"] == [{"type": "User", "id": 7}]
    review["body"]["reviewers"] = [{"type": "Team", "id": 42}]
    (tmp_path / "store").write_text(json.dumps(state))
    again = run(tmp_path)["environments"][names.GITHUB_REVIEW_ENVIRONMENT]
    assert again["body"]["reviewers"] == [{"type": "Team", "id": 42}]


def test_the_token_is_asked_for_and_is_no_argument(tmp_path: Path) -> None:
    (argv,) = [argv for argv in calls(tmp_path) if argv[0] == "secret"]
    assert argv[2] == "FLUX_GITHUB_TOKEN"
    assert "--body" not in argv


@pytest.mark.parametrize("broken", ["/environments", "/rulesets"])
def test_a_look_up_that_fails_changes_nothing_of_what_it_was_for(tmp_path: Path, broken: str) -> None:
    state = run(tmp_path)
    state["environments"][names.GITHUB_REVIEW_ENVIRONMENT]["body"]["reviewers"] = [{"type": "Team", "id": 42}]
    state["rulesets"][0]["bypass_actors"] = []
    (tmp_path / "store").write_text(json.dumps(state))
    again = run(tmp_path, broken, said="stopped")
    part = broken.strip("/")
    assert again[part] == state[part]


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (("deployment-branch-policies",), "GitHub did not make the environment staging for main only"),
        (("rulesets",), "GitHub did not take the rules"),
        (("environments",), "GitHub did not make the environment staging"),
    ],
)
def test_an_account_is_not_handed_to_a_repository_that_cannot_protect_it(
    tmp_path: Path, lacking: tuple[str, ...], said: str
) -> None:
    assert "variables" not in run(tmp_path, lacking=lacking, said=said)


def test_where_a_plan_has_no_reviewers_it_is_said_and_all_else_is_done(tmp_path: Path) -> None:
    state = run(tmp_path, lacking=("reviewers",), said="staging-review has no reviewers")
    assert state["variables"] == github_setup.variables(SETTINGS)
    assert len(state["rulesets"]) == 2


def test_a_check_counts_only_when_github_actions_reports_it(tmp_path: Path) -> None:
    """A token that may write statuses could otherwise say that a check of this name has passed."""
    (rule,) = (rule for rule in run(tmp_path)["rulesets"][0]["rules"] if rule["type"] == "required_status_checks")
    assert rule["parameters"]["required_status_checks"] == [
        {"context": check, "integration_id": 15368} for check in github_setup.REQUIRED_CHECKS
    ]


@pytest.mark.parametrize("check", github_setup.REQUIRED_CHECKS)
def test_a_required_check_is_a_job_that_always_reports(check: str) -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / f"{check}.yml").read_text())
    job = workflow["jobs"][check]
    assert "always()" in job["if"] if "needs" in job else "if" not in job
    assert job["name"] == check


def test_the_workflows_read_no_variable_that_nobody_sets() -> None:
    texts = [path.read_text() for path in (REPOSITORY / ".github").rglob("*.yml")]
    read = {name for text in texts for name in re.findall(r"\bvars\.([A-Z_]+)", text)}
    assert read - github_setup.variables(SETTINGS).keys() == {
        "WHEN_DOWN",
        "KEEP_UNTIL",
        "RUNNER_USERS",
        "REBUILD_AT_WEEKDAYS",
    }


@pytest.mark.parametrize("name", ["a/b;id", "a/$(id)", "a/b c", "a/`id`", "a'/b", "a/b|c", "a/b\nc"])
def test_a_repository_name_cannot_break_out_of_a_command(name: str) -> None:
    with pytest.raises(SettingsError, match="githubRepository"):
        parse({**VALUES, "githubRepository": name})
