"""docs/day-zero.md: each command on the page exists, and each name is the one that code and workflows use."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

from infra.contract import names, prices
from infra.settings import NodeGroup
from permanent import github_setup
from permanent.settings import Settings
from tests.support.checkout import REPOSITORY
from tests.support.documented import unknown
from tools.build import ensure
from tools.catalogue import PULUMI

PAGE = (REPOSITORY / "docs" / "day-zero.md").read_text()
BLOCKS: list[str] = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
WORKFLOWS = {path.stem: path.read_text() for path in (REPOSITORY / ".github" / "workflows").iterdir()}

GH = {("secret", "set"), ("pr", "create"), ("variable", "set"), ("variable", "delete"), ("workflow", "run")}
"""The commands of gh, which this machine need not have (source: GitHub CLI manual)."""

ACCOUNT, REGION = "123456789012", "eu-west-2"
"""The page's example."""


def test_the_page_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= 150
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_exists(line: str) -> None:
    match shlex.split(line):
        case ["make", *targets]:
            assert all(re.search(rf"^{target}:.*##", makefile(), re.MULTILINE) for target in targets)
        case [".venv/bin/fleet", *words]:
            assert not unknown(words)
        case ["pulumi", *words]:
            command = [word for word in words if not word.startswith("-")]
            known = help_of(str(ensure(PULUMI, print)), *command[: 2 if command[0] == "stack" else 1])
            assert options_of(words) <= known
        case ["git", command, *options]:
            assert options_of(options) <= help_of("git", command, ask="-h")
        case ["SUBJECT=$(gh", "api", path, "--jq", ".sub_claim_prefix)"]:
            assert path == "repos/your-org/infra-fleet/actions/oidc/customization/sub"
        case ["gh", noun, verb, *_options]:
            assert (noun, verb) in GH
        case ["export", assignment]:
            assert assignment == f"PULUMI_BACKEND_URL={names.state_backend(ACCOUNT, REGION)}"
        case words:
            assert words in (["cd", "infra-fleet"], ["python3", "-m", "venv", ".venv"])


def makefile() -> str:
    return (REPOSITORY / "Makefile").read_text()


def options_of(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def help_of(*command: str, ask: str = "--help") -> set[str]:
    """The long options that a command says it has; git says --[no-]fill of one that can be undone."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200", "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run([*command, ask], cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "usage:" in said.lower(), said
    assert done.returncode == (129 if command[0] == "git" else 0), said
    return set(re.findall(r"--[a-z][a-z-]*", re.sub(r"--\[no-\]", "--", said)))


def test_variables_are_named_as_in_the_workflows_and_as_the_account_hands_them_over() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE))
    used = {name: set(re.findall(r"\bvars\.([A-Z_]+)", text)) for name, text in WORKFLOWS.items()}
    assert set(rows) == {
        *re.findall(r"gh variable set (\w+)", handed_over()),
        "WHEN_DOWN",
        "KEEP_UNTIL",
        "REBUILD_AT_WEEKDAYS",
        "RUNNER_USERS",
    }
    assert set().union(*used.values()) == set(rows)
    readers = {name: {workflow for workflow, read in used.items() if name in read} for name in rows}
    everywhere = {"infra-plan", "infra-apply", "infra-unlock", "load-harness", "night-of-stack", "rebuild-stack"}
    for name, said in rows.items():
        assert readers[name] == (everywhere if said == "all below" else set(said.split(", "))), name


def handed_over() -> str:
    return github_setup.commands(
        Settings.model_validate(
            {
                "accountId": ACCOUNT,
                "region": REGION,
                "githubRepository": "your-org/infra-fleet",
                "clusters": ["staging"],
                "alarmEmail": "platform@example.com",
            }
        )
    )


def test_environments_check_and_secret_are_those_that_are_handed_over() -> None:
    commands = handed_over()
    for name in (names.GITHUB_ENVIRONMENT, names.GITHUB_REVIEW_ENVIRONMENT):
        assert f"`{name}`" in PAGE
        assert f"/environments/{name}" in commands
    assert f"required checks {' and '.join(f'`{check}`' for check in github_setup.REQUIRED_CHECKS)}" in PAGE
    secrets = re.compile(r"^gh secret set .*", re.MULTILINE)
    assert secrets.findall(PAGE) == secrets.findall(commands)


def test_the_state_is_where_the_permanent_layer_makes_it() -> None:
    assert f'--secrets-provider="{names.secrets_provider(REGION)}"' in PAGE


def test_the_price_of_an_hour_is_the_contracts() -> None:
    group = NodeGroup()
    hour = prices.stack_hour(group.desired_size, group.disk_gib)
    assert f"| {hour:.2f} an hour while it is up |" in PAGE


def test_links_lead_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)", PAGE, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        if link.startswith("#"):
            assert link[1:] in headings
        elif not link.startswith("https://"):
            assert (REPOSITORY / "docs" / link.partition("#")[0]).is_file(), link
