from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from infra.contract import names
from permanent import handover
from permanent.settings import parse
from sandbox.folder import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = parse(
    {
        "accountId": "123456789012",
        "region": "eu-west-2",
        "githubRepository": "your-org/infra-fleet",
        "clusters": ["staging"],
        "alarmEmail": "platform@example.com",
    }
)


def calls(tmp_path: Path) -> list[tuple[list[str], str]]:
    """What the commands really do: a shell runs them with a `gh` that notes its arguments and its input."""
    gh = tmp_path / "gh"
    log = tmp_path / "log"
    gh.write_text(
        "#!/usr/bin/env python3\nimport json, sys\n"
        "body = sys.stdin.read() if '--input' in sys.argv else ''\n"
        f"open({str(log)!r}, 'a').write(json.dumps([sys.argv[1:], body]) + '\\n')\n"
    )
    gh.chmod(0o755)
    script = handover.commands(SETTINGS)
    subprocess.run(["bash", "-euc", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    return [(argv, body) for argv, body in map(json.loads, log.read_text().splitlines())]


def test_the_commands_run_as_they_are_printed(tmp_path: Path) -> None:
    made = calls(tmp_path)
    variables = {argv[2]: argv[-1] for argv, _ in made if argv[:2] == ["variable", "set"]}
    assert variables == handover.variables(SETTINGS)
    assert all("your-org/infra-fleet" in " ".join(argv) for argv, _ in made)

    bodies = {argv[3]: json.loads(body) for argv, body in made if body}
    for environment in (names.GITHUB_ENVIRONMENT, names.GITHUB_REVIEW_ENVIRONMENT):
        body = bodies[f"repos/your-org/infra-fleet/environments/{environment}"]
        assert body["deployment_branch_policy"] == {"protected_branches": False, "custom_branch_policies": True}
        policies = [
            argv
            for argv, _ in made
            if argv[3:4] == [f"repos/your-org/infra-fleet/environments/{environment}/deployment-branch-policies"]
        ]
        assert [argv[-1] for argv in policies] == ["name=main"]
    rules = {rule["type"]: rule for rule in bodies["repos/your-org/infra-fleet/rulesets"]["rules"]}
    assert rules.keys() == {"deletion", "non_fast_forward", "pull_request", "required_status_checks"}


def test_the_token_is_asked_for_and_is_no_argument(tmp_path: Path) -> None:
    (argv,) = [argv for argv, _ in calls(tmp_path) if argv[0] == "secret"]
    assert argv[2] == "FLUX_GITHUB_TOKEN"
    assert "--body" not in argv


@pytest.mark.parametrize("check", handover.REQUIRED_CHECKS)
def test_a_required_check_is_a_job_that_always_reports(check: str) -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / f"{check}.yml").read_text())
    job = workflow["jobs"][check]
    assert "always()" in job["if"] if "needs" in job else "if" not in job
    assert job["name"] == check


def test_the_workflows_read_no_variable_that_nobody_sets() -> None:
    texts = [path.read_text() for path in (REPOSITORY / ".github").rglob("*.yml")]
    read = {name for text in texts for name in re.findall(r"\bvars\.([A-Z_]+)", text)}
    assert read - handover.variables(SETTINGS).keys() == {"WHEN_DOWN"}


def test_a_repository_name_cannot_break_out_of_a_command() -> None:
    for line in handover.commands(SETTINGS).splitlines():
        if line.startswith("gh"):
            shlex.split(line)
