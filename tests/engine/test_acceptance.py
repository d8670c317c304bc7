"""`fleet acceptance` on accounts that stand for a real one: bent on purpose, unbent, and stopped in the middle.

The command reaches them as everything in the sandbox does, and builds its reference in an account of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.contract import names
from sandbox import rehearsal
from sandbox.acceptance.durations import SLACK
from sandbox.account import faults
from sandbox.account.faults import Rule
from tests.support import rehearsals
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.rehearsals import Result, Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

QUICK = ("--deadline=3", "--reads=2", "--pause=0")
FLEET = (sys.executable, "-m", "fleet")
BENDS = (
    Rule("", "eks", "DescribeNodegroup", replaces='"updateStrategy": ?"DEFAULT"', by='"updateStrategy": "MINIMAL"'),
    Rule("", "eks", "DescribeCluster", replaces='"eks[.]14"', by='"eks.15"'),
    Rule("UnauthorizedOperation", "ec2", "CreateVpcEndpoint"),
    Rule("", "iam", "CreateOpenIDConnectProvider", latency=SLACK + 4),
    Rule("UnauthorizedOperation", "ec2", "DeleteInternetGateway"),
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """An account that stands for a real one, whose permanent layer knows the cluster."""
    made = rehearsals.new(tmp_path_factory.mktemp("real"))
    document = yaml.safe_load(made.account_file.read_text())
    document["config"][f"{names.PERMANENT_PROJECT}:clusters"].append("acceptance")
    made.account_file.write_text(yaml.safe_dump(document))
    made.prepare()
    yield made
    rehearsal.reset(made.folder)


def command(real: Sandbox, work: Path) -> list[str]:
    own = [f"--folder={work}", f"--account-file={real.account_file}", f"--cwd={REPOSITORY}", "--yes", "--json"]
    return real.command("exec", "--", *FLEET, "acceptance", *own, "--", *QUICK)


def accept(real: Sandbox, work: Path) -> Result:
    done = subprocess.run(
        command(real, work),
        cwd=REPOSITORY,
        env={**os.environ, **real.engine},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return rehearsals.Result(done.returncode, done.stdout, done.stderr)


def slower(document: dict[str, Any]) -> list[str]:
    return [each["label"] for each in document["durations"] if each["slower"]]


def test_each_bend_is_found_and_named_and_what_is_left_is_cleaned_up_by_what_was_printed(
    real: Sandbox, tmp_path: Path
) -> None:
    before = real.census()
    faults.write(real.folder.faults, BENDS)
    try:
        done = accept(real, tmp_path / "work")
    finally:
        faults.write(real.folder.faults, [])
    assert done.code == 1, done.text
    document = json.loads(done.out)
    properties = {(each["path"], each["embedded"], each["real"]) for each in document["differences"]}
    assert properties == {
        ("updateConfig.updateStrategy", '"DEFAULT"', '"MINIMAL"'),
        ("platformVersion", '"eks.14"', '"eks.15"'),
    }
    assert {each["path"]: each["is_input"] for each in document["differences"]} == {
        "updateConfig.updateStrategy": True,
        "platformVersion": False,
    }
    assert [each["resource"] for each in document["notBuilt"]] == ["VpcEndpoint s3"]
    assert "ec2:CreateVpcEndpoint" in document["notBuilt"][0]["why"]
    assert {(each["role"], each["action"]) for each in document["refused"]} == {
        (names.DEPLOY_ROLE, "ec2:CreateVpcEndpoint"),
        (names.DEPLOY_ROLE, "ec2:DeleteInternetGateway"),
    }
    assert all("infra-fleet-deploy-network" in each["belongsTo"] for each in document["refused"])
    assert "OpenIdConnectProvider oidc" in slower(document)
    assert {"VPC", "internet gateway"} <= {each["kind"] for each in document["left"]}

    text = (tmp_path / "work" / "report.txt").read_text()
    assert real.account.account_id not in text
    assert "LS0t" not in text
    for name in (
        "updateConfig.updateStrategy",
        "ec2:CreateVpcEndpoint",
        "OpenIdConnectProvider oidc",
        "internet gateway",
    ):
        assert name in text

    again = accept(real, tmp_path / "work")
    assert again.code == 2, again.text
    assert "the stack acceptance exists" in again.text

    (clean_up,) = {line[2:] for line in done.err.splitlines() if line.startswith("→ PULUMI_BACKEND_URL=")}
    forget = again.err[again.err.index(" && ") + 4 :].splitlines()[0]
    shell = f"{clean_up} {' '.join(QUICK)} && {forget}".replace(" fleet ", f" {' '.join(FLEET)} ")
    real.succeed("exec", "--", "sh", "-c", shell)
    assert real.census() == before


def test_an_unbent_account_has_no_deviation_and_nothing_of_it_is_left(real: Sandbox, tmp_path: Path) -> None:
    before = real.census()
    done = accept(real, tmp_path / "work")
    document = json.loads(done.out)
    found = {name: document[name] for name in ("differences", "notBuilt", "added", "refused", "left", "unknown")}
    assert found == {key: [] for key in found}, done.text
    assert {step["name"]: step["outcome"] for step in document["steps"]} == {
        "up": "done",
        "preview": "done",
        "bootstrap": "skipped",
        "night": "done",
    }
    assert document["roles"] == [names.DEPLOY_ROLE, names.PREVIEW_ROLE]
    # A busy machine may be slower than AWS.
    assert done.code == (1 if slower(document) else 0), done.text
    assert real.census() == before
    assert rehearsals.process.find(rehearsals.Folder(tmp_path / "work" / "reference")) is None


def test_ctrl_c_in_the_middle_of_up_still_ends_with_the_night(real: Sandbox, tmp_path: Path) -> None:
    before = real.census()
    child = subprocess.Popen(
        command(real, tmp_path / "work"),
        cwd=REPOSITORY,
        env={**os.environ, **real.engine},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr
    assert child.stdout
    said: list[str] = []
    for line in child.stderr:
        said.append(line)
        if "Vpc vpc created" in line:
            child.send_signal(signal.SIGINT)
    document = json.loads(child.stdout.read())
    assert child.wait() == 130, "".join(said)
    outcomes = {step["name"]: step["outcome"] for step in document["steps"]}
    assert outcomes == {"up": "failed", "preview": "skipped", "bootstrap": "skipped", "night": "done"}, "".join(said)
    assert document["left"] == []
    assert real.census() == before
