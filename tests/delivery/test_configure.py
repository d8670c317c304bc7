"""Five answers make a stack's file, its entry in the permanent layer's and the bootstrap's; nothing else moves."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import infra.settings
import permanent.settings
from bootstrap.flux_settings import load
from common.errors import FleetError
from delivery import configure
from delivery.account_facts import AccountFacts
from delivery.configure import Answers
from infra.config import SettingsError
from infra.stack_file import config_of
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HERE = Answers(
    account_id="123456789012",
    region="eu-west-2",
    github_repository="your-org/infra-fleet",
    cluster_admin="platform-admin",
    alarm_email="platform@example.com",
)
"""What the repository's own files say."""
OURS = Answers(
    account_id="012345678901",
    region="us-east-1",
    github_repository="us/fleet",
    cluster_admin="ops/admin",
    alarm_email="ops@acme.io",
)

LAYER = "permanent/Pulumi.account.yaml"


@dataclass(frozen=True)
class Known(AccountFacts):
    """Stands for an account that has some roles and zones; by default it does not say, as without credentials."""

    roles: Mapping[str, str] = field(default_factory=dict[str, str])
    offered: Mapping[str, str] = field(default_factory=dict[str, str])

    def role(self, account_id: str, region: str, name: str) -> str | None:
        return self.roles.get(name)

    def zones(self, account_id: str, region: str) -> Mapping[str, str]:
        return self.offered


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "permanent").mkdir()
    for name in ("Pulumi.staging.yaml", LAYER, configure.BOOTSTRAP):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def run(
    root: Path,
    answers: Answers = OURS,
    stack: str = "staging",
    *,
    ask: Callable[[str, str | None], str] | None = None,
    confirm: Callable[[], bool] | None = lambda: True,
    facts: AccountFacts = Known(),
) -> str:
    """Configure; what was said."""
    said: list[str] = []
    configure.run(root, stack, answers, ask=ask, confirm=confirm, say=said.append, facts=facts)
    return "\n".join(said)


def texts(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def stack_of(root: Path, stack: str = "staging") -> infra.settings.Settings:
    return infra.settings.parse_file(config_of(root / f"Pulumi.{stack}.yaml"), stack)


def layer_of(root: Path) -> permanent.settings.Settings:
    return permanent.settings.parse_file(config_of(root / LAYER))


def with_(answers: Answers, **more: str) -> Answers:
    return Answers(**{**vars(answers), **more})


def test_four_answers_reach_both_files(root: Path) -> None:
    said = run(root)
    stack, layer = stack_of(root), layer_of(root)
    assert (stack.account_id, stack.region) == (layer.account_id, layer.region) == ("012345678901", "us-east-1")
    assert stack.zones == ("us-east-1a", "us-east-1b")
    assert stack.cluster_admins == ("arn:aws:iam::012345678901:role/ops/admin",)
    assert stack.permissions_boundary == "arn:aws:iam::012345678901:policy/infra-fleet-boundary"
    assert (layer.github_repository, layer.clusters) == ("us/fleet", ("staging",))
    assert "wrote Pulumi.staging.yaml, permanent/Pulumi.account.yaml" in said
    assert said.splitlines()[-1].startswith("→ make account")


def test_day_zero_commits_each_file_that_is_written(root: Path) -> None:
    page = (REPOSITORY / "docs" / "day-zero.md").read_text()
    (committed,) = re.findall(r"^git add (.*)$", page, re.MULTILINE)
    assert f"wrote {', '.join(committed.split())}" in run(root)


def test_comments_quotes_and_other_keys_survive(root: Path) -> None:
    before = (root / "Pulumi.staging.yaml").read_text()
    with (root / "Pulumi.staging.yaml").open("a") as file:
        file.write("  other:key: 'yes'  # of another project\nencryptedkey: abc\n")
    run(root)
    after = (root / "Pulumi.staging.yaml").read_text()
    for line in before.splitlines():
        assert line in after or "123456789012" in line
    assert 'accountId: "012345678901"' in after
    assert "  other:key: 'yes'  # of another project\n" in after
    assert "\nencryptedkey: abc\n" in after


def test_a_second_run_has_nothing_to_change(root: Path) -> None:
    run(root)
    before = texts(root)
    assert "nothing to change" in run(root, confirm=None)
    assert texts(root) == before


def test_the_repositorys_own_files_are_what_their_answers_make(root: Path) -> None:
    assert "nothing to change" in run(root, HERE, confirm=None)


def test_the_change_is_shown_before_it_is_asked_about(root: Path) -> None:
    said: list[str] = []
    before = texts(root)

    def confirm() -> bool:
        assert '-  infra-fleet:accountId: "123456789012"\n+  infra-fleet:accountId: "012345678901"\n' in "\n".join(said)
        assert "--- permanent/Pulumi.account.yaml\n+++ permanent/Pulumi.account.yaml\n" in "\n".join(said)
        return False

    with pytest.raises(FleetError, match=r"^nothing was written$"):
        configure.run(root, "staging", OURS, ask=None, confirm=confirm, say=said.append, facts=Known())
    assert texts(root) == before


def test_without_anybody_to_ask_a_file_that_exists_stays(root: Path) -> None:
    before = texts(root)
    with pytest.raises(FleetError, match=r"nothing was written: .* --yes writes it"):
        run(root, confirm=None)
    assert texts(root) == before


def test_files_that_are_not_there_need_no_question(tmp_path: Path) -> None:
    (tmp_path / "permanent").mkdir()
    run(tmp_path, with_(OURS, alarm_email="us@example.org"), confirm=None)
    assert stack_of(tmp_path).account_id == layer_of(tmp_path).account_id == "012345678901"
    for name in ("Pulumi.staging.yaml", LAYER):
        assert config_of(tmp_path / name)["pulumi:disable-default-providers"] == ["*"]


def test_without_a_terminal_every_missing_flag_is_named(root: Path) -> None:
    (root / LAYER).unlink()
    with pytest.raises(FleetError, match="not given: --account-id, --github-repository, --alarm-email"):
        run(root, Answers(region="eu-west-2", cluster_admin="admin"))


def enter(asked: dict[str, str | None]) -> Callable[[str, str | None], str]:
    """Presses Enter at each question, and notes what that stands for."""

    def ask(question: str, default: str | None) -> str:
        asked[question.split(",")[0]] = default
        return default or ""

    return ask


def test_no_placeholder_is_what_enter_stands_for_and_enter_writes_nothing(root: Path) -> None:
    before, asked = texts(root), dict[str, str | None]()
    answers: dict[str, str] = {}
    for name, given in (("account_id", "012345678901"), ("github_repository", "us/fleet"), ("cluster_admin", "ops")):
        with pytest.raises(FleetError, match="an answer is required"):
            run(root, Answers(**answers), ask=enter(asked))
        answers[name] = given
    with pytest.raises(FleetError, match=r"^E-mail address .*: an answer is required$"):
        run(root, Answers(**answers), ask=enter(asked))
    assert texts(root) == before
    assert asked == {
        "AWS account id": None,
        "AWS region": "eu-west-2",
        "GitHub repository": None,
        "Role that administers the cluster": None,
        "E-mail address for AWS budget alerts": None,
    }


def test_what_somebody_answered_is_what_enter_stands_for_the_next_time(root: Path) -> None:
    run(root, with_(OURS, region="eu-west-1"))
    asked: dict[str, str | None] = {}
    assert "nothing to change" in run(root, Answers(), ask=enter(asked))
    assert asked == {
        "AWS account id": "012345678901",
        "AWS region": "eu-west-1",
        "GitHub repository": "us/fleet",
        "Role that administers the cluster": "ops/admin",
    }


def test_an_address_that_nobody_reads_is_warned_of_when_it_is_given(root: Path) -> None:
    assert "platform@example.com receives no mail" in run(root, with_(OURS, alarm_email="platform@example.com"))
    assert "receives no mail" not in run(root)


SSO = "AWSReservedSSO_AdministratorAccess_0123456789abcdef"
WHOLE = f"arn:aws:iam::012345678901:role/aws-reserved/sso.amazonaws.com/eu-west-1/{SSO}"


@pytest.mark.parametrize("given", [SSO, f"arn:aws:iam::012345678901:role/{SSO}"])
def test_a_role_of_identity_center_gets_the_path_that_the_account_says(root: Path, given: str) -> None:
    run(root, with_(OURS, cluster_admin=given), facts=Known(roles={SSO: WHOLE}))
    assert stack_of(root).cluster_admins == (WHOLE,)
    run(root, with_(OURS, cluster_admin=WHOLE))
    assert stack_of(root).cluster_admins == (WHOLE,)


@pytest.mark.parametrize(("home", "arn"), [("eu-west-1", WHOLE), ("us-east-1", WHOLE.replace("/eu-west-1/", "/"))])
def test_without_credentials_the_region_of_identity_center_is_asked_for(root: Path, home: str, arn: str) -> None:
    given = iter(["", home])
    run(root, with_(OURS, cluster_admin=SSO), ask=lambda question, _: next(given) if "Identity" in question else "")
    assert stack_of(root).cluster_admins == (arn,)


def test_without_a_terminal_the_whole_arn_must_be_given(root: Path) -> None:
    before = texts(root)
    with pytest.raises(FleetError, match=f"give the whole ARN, as `aws iam get-role --role-name {SSO} "):
        run(root, with_(OURS, cluster_admin=SSO))
    assert texts(root) == before


OFFERED = {"us-east-1b": "use1-az1", "us-east-1c": "use1-az2", "us-east-1d": "use1-az4"}


def test_where_letters_are_not_safe_the_zones_of_the_account_are_asked_for(root: Path) -> None:
    asked: dict[str, str | None] = {}
    given = iter(["us-east-1a,us-east-1b", "us-east-1c, us-east-1d"])

    def ask(question: str, default: str | None) -> str:
        asked[question.split(",")[0]] = default
        return next(given)

    said = run(root, ask=ask, facts=Known(offered=OFFERED))
    assert asked == {"Availability zones": "us-east-1b,us-east-1c"}
    assert "EKS refuses use1-az3" in said
    assert "us-east-1a,us-east-1b is not allowed: use two or more of us-east-1b, us-east-1c, us-east-1d" in said
    assert stack_of(root).zones == ("us-east-1c", "us-east-1d")
    assert "nothing to change" in run(root, ask=ask, facts=Known(offered=OFFERED)), "it is asked once"


def test_without_credentials_or_a_terminal_such_a_region_is_warned_of(root: Path) -> None:
    said = run(root, ask=lambda question, _default: pytest.fail(question))
    assert (
        "warning: us-east-1: EKS refuses use1-az3, which may have any letter. us-east-1a, us-east-1b are assumed"
        in said
    )
    assert "`fleet account check`" in said
    assert "--zones sets some of us-east-1b (use1-az1)" in run(root, facts=Known(offered=OFFERED))
    assert "warning" not in run(root, with_(OURS, region="eu-west-1"), facts=Known(offered=OFFERED))


def test_zones_are_given_by_a_flag_too(root: Path) -> None:
    assert "warning" not in run(root, with_(OURS, zones="us-east-1b, us-east-1d"))
    assert stack_of(root).zones == ("us-east-1b", "us-east-1d")


def test_the_ids_in_githubs_subject_are_written_as_github_gives_them(root: Path) -> None:
    subject = "repo:us@12/fleet@345"
    run(root, with_(OURS, github_subject=subject))
    assert layer_of(root).github_subject == subject
    run(root, OURS)
    assert layer_of(root).github_subject == subject, "another run without the flag leaves it"
    run(root, with_(OURS, github_repository="us/other"))
    assert layer_of(root).github_subject == "repo:us/other"
    run(root, with_(OURS, github_repository="us/third", github_subject="null"))
    assert layer_of(root).github_subject == "repo:us/third"
    with pytest.raises(SettingsError, match="githubSubject = repo:them@1/fleet@2 is not allowed: use repo:us/fleet"):
        run(root, with_(OURS, github_subject="repo:them@1/fleet@2"))


def test_all_problems_of_both_files_are_said_at_once_and_nothing_is_written(root: Path) -> None:
    for name in ("Pulumi.staging.yaml", LAYER):
        namespace = "infra-fleet-permanent" if name == LAYER else "infra-fleet"
        with (root / name).open("a") as file:
            file.write(f"  {namespace}:nosuch: 1\n")
    before = texts(root)
    with pytest.raises(SettingsError) as caught:
        run(root, with_(OURS, cluster_admin="a b"))
    said = str(caught.value)
    for line in ("infra-fleet:clusterAdmins[0]", "infra-fleet:nosuch", "infra-fleet-permanent:nosuch"):
        assert f"  {line}" in said
    assert texts(root) == before


def test_a_user_is_no_cluster_admin(root: Path) -> None:
    with pytest.raises(SettingsError, match="a user's keys never expire"):
        run(root, with_(OURS, cluster_admin="arn:aws:iam::012345678901:user/imran"))


def test_zones_follow_a_region_that_changes_and_others_stay(root: Path) -> None:
    with (root / "Pulumi.staging.yaml").open("a") as file:
        file.write("  infra-fleet:zones: [eu-west-2b, eu-west-2c]\n")
    run(root, HERE)
    assert stack_of(root).zones == ("eu-west-2b", "eu-west-2c")
    run(root)
    assert stack_of(root).zones == ("us-east-1b", "us-east-1c")


def test_the_first_admin_is_the_answer_and_the_others_stay(root: Path) -> None:
    file = root / "Pulumi.staging.yaml"
    line = "    - arn:aws:iam::123456789012:role/platform-admin\n"
    file.write_text(file.read_text().replace(line, line + "    - arn:aws:iam::123456789012:role/on-call  # by night\n"))
    run(root, with_(HERE, cluster_admin="boss"))
    assert [arn.rsplit("/")[-1] for arn in stack_of(root).cluster_admins] == ["boss", "on-call"]
    assert "role/on-call  # by night\n" in file.read_text()
    run(root, with_(HERE, cluster_admin="on-call"))
    assert [arn.rsplit("/")[-1] for arn in stack_of(root).cluster_admins] == ["on-call"]


def test_a_second_cluster_is_one_more_file_and_one_more_entry(root: Path) -> None:
    before = texts(root)
    said = run(root, with_(HERE, cluster_name="staging-2", vpc_cidr="10.1.0.0/16"), "staging-2")
    assert texts(root)["Pulumi.staging.yaml"] == before["Pulumi.staging.yaml"]
    assert layer_of(root).clusters == ("staging", "staging-2")
    assert "overlaps" not in said
    assert (root / "Pulumi.staging-2.yaml").read_text() == (
        "config:\n"
        '  pulumi:disable-default-providers: ["*"]\n'
        '  infra-fleet:accountId: "123456789012"\n'
        "  infra-fleet:region: eu-west-2\n"
        "  infra-fleet:vpcCidr: 10.1.0.0/16\n"
        "  infra-fleet:clusterAdmins:\n"
        "    - arn:aws:iam::123456789012:role/platform-admin\n"
    )
    found = stack_of(root, "staging-2")
    assert (found.environment, found.cluster_name) == ("staging-2", "staging-2")


def test_networks_that_overlap_are_warned_of_in_one_line(root: Path) -> None:
    said = run(root, HERE, "staging-2").splitlines()
    (warning,) = (line for line in said if line.startswith("warning: vpcCidr"))
    assert "vpcCidr 10.0.0.0/16 overlaps 10.0.0.0/16 of Pulumi.staging.yaml" in warning


def test_a_cluster_of_another_stack_is_refused(root: Path) -> None:
    before = texts(root)
    with pytest.raises(FleetError, match=r"--cluster-name staging: it is the cluster of Pulumi\.staging\.yaml"):
        run(root, with_(HERE, cluster_name="staging"), "staging-2")
    assert texts(root) == before


@pytest.mark.parametrize(("flag", "value"), [("account_id", "210987654321"), ("region", "eu-west-1")])
def test_another_account_or_region_beside_other_clusters_is_refused(root: Path, flag: str, value: str) -> None:
    before = texts(root)
    wanted = (
        f"--{flag.replace('_', '-')} {value}: {LAYER} is the permanent layer of 123456789012 in eu-west-2, with stag"
    )
    with pytest.raises(FleetError, match=wanted):
        run(root, with_(HERE, **{flag: value}), "staging-2")
    assert texts(root) == before


def test_a_cluster_that_is_renamed_takes_its_entry_along(root: Path) -> None:
    run(root, with_(HERE, cluster_name="blue"))
    assert stack_of(root).cluster_name == "blue"
    assert layer_of(root).clusters == ("blue",)
    run(root, HERE)
    assert stack_of(root).cluster_name == "blue"


def test_a_file_that_is_no_yaml_is_named(root: Path) -> None:
    (root / LAYER).write_text("config: [\n")
    with pytest.raises(SettingsError, match=r"permanent/Pulumi\.account\.yaml is not valid YAML"):
        run(root)


def test_a_key_that_is_there_twice_is_named(root: Path) -> None:
    with (root / LAYER).open("a") as file:
        file.write("  infra-fleet-permanent:region: us-west-2\n")
    with pytest.raises(SettingsError, match=r"Pulumi\.account\.yaml is not valid YAML: .*duplicate key"):
        run(root)


def test_when_one_file_cannot_be_written_neither_is(root: Path) -> None:
    shutil.rmtree(root / "permanent")
    before = texts(root)
    with pytest.raises(FleetError, match=r"permanent/\.Pulumi\.account\.yaml\.new cannot be written: No such file"):
        run(root, with_(OURS, alarm_email="us@example.org"))
    assert texts(root) == before


FLAGS = [
    "--account-id=012345678901",
    "--region=eu-west-1",
    "--github-repository=us/fleet",
    "--cluster-admin=admin",
    "--alarm-email=ops@acme.io",
]


def command(root: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fleet", "configure", f"--cwd={root}", *arguments],
        cwd=REPOSITORY,
        stdin=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_without_a_terminal_shows_the_change_and_fails_unless_told_yes(root: Path) -> None:
    before = texts(root)
    shown = command(root, *FLAGS)
    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
    assert "+++ Pulumi.staging.yaml" in shown.stdout
    assert "--yes writes it" in shown.stderr
    assert texts(root) == before
    written = command(root, *FLAGS, "--yes")
    assert (written.returncode, written.stderr) == (0, "")
    assert stack_of(root).account_id == "012345678901"


def test_the_command_at_a_terminal_asks_for_what_no_flag_says(root: Path) -> None:
    controller, terminal = pty.openpty()
    os.write(controller, b"012345678901\n\nus/fleet\n\nadmin\nops@acme.io\ny\n")
    try:
        done = command(root, stdin=terminal)
    finally:
        os.close(terminal)
        os.close(controller)
    assert done.returncode == 0, done.stderr
    layer = layer_of(root)
    assert (layer.account_id, layer.region, layer.github_repository) == ("012345678901", "eu-west-2", "us/fleet")
    assert layer.alarm_email == "ops@acme.io"
    assert stack_of(root).cluster_admins == ("arn:aws:iam::012345678901:role/admin",)


def test_the_bootstraps_repository_follows_and_nothing_else_of_its_file_moves(root: Path) -> None:
    before = (root / configure.BOOTSTRAP).read_text()
    run(root)
    assert (root / configure.BOOTSTRAP).read_text() == before.replace("your-org/infra-fleet", "us/fleet")
    assert load(root / configure.BOOTSTRAP).repository == "us/fleet"


def test_an_answer_is_checked_when_it_is_given(root: Path) -> None:
    given = iter(["12345", "123456789013"])

    def ask(question: str, default: str | None) -> str:
        return next(given) if "account" in question else default or "ops@acme.io"

    said = run(root, Answers(github_repository="us/fleet", cluster_admin="ops"), ask=ask)
    assert any("accountId = 12345 " in line and "12 digits" in line for line in said.splitlines())
    assert "123456789013" in (root / "Pulumi.staging.yaml").read_text()


def test_a_bad_flag_is_named_as_it_was_typed_before_anything_is_asked(root: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        run(
            root, Answers(account_id="12", vpc_cidr="10.0.0.0/33"), ask=lambda question, _default: pytest.fail(question)
        )
    assert str(caught.value).splitlines() == [
        "--account-id 12 is not allowed: use 12 digits",
        "--vpc-cidr 10.0.0.0/33: '33' is not a valid netmask; allowed: an IPv4 network such as 10.0.0.0/16",
    ]


def test_a_question_is_not_put_for_ever(root: Path) -> None:
    with pytest.raises(FleetError, match="accountId = never"):
        run(root, Answers(), ask=lambda question, default: "never" if "account" in question else default or "a@acme.io")
