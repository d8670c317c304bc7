"""The check on the embedded account, with each fault built in: good, bad with a remedy, or unknown with what lacks."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import infra.settings
import permanent.settings
from common.aws import Aws
from infra.contract import names
from permanent import fleet_account, policies
from permanent.preflight import check, reads
from permanent.preflight.facts import LINKED_ROLES
from permanent.preflight.verdict import Verdict
from sandbox.account import process
from sandbox.account.clients import client
from sandbox.account.faults import RESET, Rule
from tests.sandbox.account.aws import unique
from tests.support.account import ACCOUNT_ID
from tests.support.iam import action_of, allows_action

DENIED = ("ec2", "iam", "eks", "service-quotas", "s3", "kms", "logs")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from permanent.preflight.verdict import Line, Report
    from sandbox.account.process import Account
    from sandbox.folder import Folder

TODAY = date(2026, 12, 1)
REGION = "eu-central-1"
"""One in which no other test builds anything."""
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class Place:
    """The account in a region, and the settings that are checked against it."""

    def __init__(self, account: Account, aws: Aws) -> None:
        self.account, self.aws, self.region = account, aws, aws.region
        self.ec2, self.iam = self.client("ec2"), self.client("iam")

    def client(self, service: str) -> Any:
        return client(service, endpoint=self.account.endpoint, region=self.region)

    def role(self, path: str = "/", prefix: str = "admin") -> str:
        made = self.iam.create_role(RoleName=unique(prefix), Path=path, AssumeRolePolicyDocument=TRUST)
        return made["Role"]["Arn"]

    def layer(self, **config: object) -> permanent.settings.Settings:
        values = {"accountId": ACCOUNT_ID, "region": self.region, "githubRepository": "your-org/infra-fleet"}
        return permanent.settings.parse({**values, "clusters": ["staging"], "alarmEmail": "a@acme.io", **config})

    def stack(self, **config: object) -> infra.settings.Settings:
        return infra.settings.parse({"accountId": ACCOUNT_ID, "region": self.region, **config}, "staging")

    def check(self, layer: permanent.settings.Settings | None = None, today: date = TODAY, **config: object) -> Report:
        stacks = {"staging": self.stack(**config)}
        return check.run(self.aws, layer or self.layer(), stacks, today, is_layer_asked=False)


@pytest.fixture(scope="module")
def clients() -> dict[str, Aws]:
    """Region → its clients, which take long to make."""
    return {}


@pytest.fixture
def place(account: Account, clients: dict[str, Aws], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Place]:
    def at(region: str) -> Place:
        for name, value in process.environment(account).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, region)
        session = next((aws.session for aws in clients.values()), None)
        return Place(account, clients.setdefault(region, Aws(region, session)))

    return at


@pytest.fixture
def here(place: Callable[[str], Place]) -> Place:
    return place(REGION)


@pytest.fixture
def linked(here: Place) -> Iterator[None]:
    for service in LINKED_ROLES:
        here.iam.create_service_linked_role(AWSServiceName=service)
    yield
    for name in LINKED_ROLES.values():
        here.iam.delete_role(RoleName=name)


@pytest.fixture
def github(here: Place) -> Iterator[Callable[..., None]]:
    """Makes GitHub's identity provider, of which the account has one: it is gone after the test."""
    arn = names.provider_arn(ACCOUNT_ID)

    def make(*audiences: str, **tags: str) -> None:
        listed = [{"Key": key.replace("_", "-"), "Value": value} for key, value in tags.items()]
        url = f"https://{names.GITHUB_ISSUER}"
        here.iam.create_open_id_connect_provider(Url=url, ClientIDList=list(audiences), Tags=listed)

    yield make
    here.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def about(report: Report, subject: str) -> list[Line]:
    return [line for line in report.lines if subject in line.subject]


def one(report: Report, subject: str, verdict: Verdict) -> Line:
    """The only line about a subject that has a verdict."""
    (line,) = (line for line in about(report, subject) if line.verdict is verdict)
    return line


@pytest.mark.usefixtures("linked")
def test_an_account_as_the_settings_want_it_is_good_in_every_line(here: Place) -> None:
    report = here.check(clusterAdmins=[here.role()], jumpBox=True, natStrategy="per-zone")
    assert [line for line in report.lines if line.verdict is not Verdict.GOOD] == []
    subjects = " ".join(line.subject for line in report.lines)
    for subject in ("account", "region", "GitHub", "spot.amazonaws.com", "cluster admin", "zones", "instance types"):
        assert subject in subjects
    for subject in ("Kubernetes", "add-ons", "on-demand", "spot instances", "Elastic IP", "VPCs", f"({REGION}b)"):
        assert subject in subjects
    assert report.json["verdict"] == "good"


@pytest.mark.parametrize(
    ("key", "subject"), [("clusterViewers", "cluster viewer"), ("clusterEditors", "cluster editor")]
)
def test_a_developers_role_that_does_not_exist_is_bad_too(here: Place, key: str, subject: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{unique('nobody')}"
    access: dict[str, Any] = {key: [{"role": arn, "namespaces": ["shop"]}]}
    line = one(here.check(**access), subject, Verdict.BAD)
    assert line.remedy == f"create it, or set another role: infra-fleet:{key} in Pulumi.staging.yaml"


def test_an_admin_that_does_not_exist_is_bad_and_the_setting_is_named(here: Place) -> None:
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/nobody"
    line = one(here.check(clusterAdmins=[here.role(), arn]), "cluster admin", Verdict.BAD)
    assert line.says == f"role nobody does not exist in account {ACCOUNT_ID}"
    assert line.remedy == "create it, or set another role: infra-fleet:clusterAdmins[1] in Pulumi.staging.yaml"


def test_a_role_of_identity_center_without_its_path_is_bad_and_the_whole_arn_is_the_remedy(here: Place) -> None:
    arn = here.role("/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_Admin")
    short = names.role_arn(ACCOUNT_ID, arn.rpartition("/")[2])
    line = one(here.check(clusterAdmins=[short]), "cluster admin", Verdict.BAD)
    assert line.says == f"{short} does not exist; the role of that name is {arn}"
    assert line.remedy == f"set infra-fleet:clusterAdmins[0] in Pulumi.staging.yaml to {arn}"
    assert one(here.check(clusterAdmins=[arn]), "cluster admin", Verdict.GOOD)


@pytest.mark.parametrize(
    ("region", "letter", "problem"),
    [
        ("us-east-1", "e", "EKS takes no subnet in use1-az3"),
        ("ca-central-1", "c", "the account has no such zone"),
        ("us-west-1", "d", "the account has no such zone"),
    ],
)
def test_a_zone_that_eks_refuses_or_the_account_lacks_is_bad_and_others_are_named(
    place: Callable[[str], Place], region: str, letter: str, problem: str
) -> None:
    line = one(place(region).check(zones=[f"{region}a", f"{region}{letter}"]), "zones", Verdict.BAD)
    assert line.says == f"{region}{letter}: {problem}"
    assert f"{region}a, " in line.remedy
    assert f"{region}{letter}" not in line.remedy


def test_an_instance_type_that_a_zone_lacks_is_bad(here: Place) -> None:
    report = here.check(nodeGroups={"default": {"instanceTypes": ["t3.large", "t9.large"]}})
    lines = [line for line in about(report, "instance types") if line.verdict is Verdict.BAD]
    assert [line.says for line in lines] == [f"t9.large is not offered in {REGION}{zone}" for zone in "ab"]
    assert "infra-fleet:nodeGroups" in lines[0].remedy


def test_an_addon_pin_that_is_not_offered_is_bad_and_those_offered_are_named(here: Place) -> None:
    report = here.check(addonVersions={"coredns": "v9.9.9-eksbuild.1"})
    line = one(report, "add-ons", Verdict.BAD)
    assert line.says == "coredns v9.9.9-eksbuild.1 is not offered for Kubernetes 1.36"
    assert "infra-fleet:addonVersions.coredns" in line.remedy
    assert "v1.14.3-eksbuild.23" in line.remedy
    assert "vpc-cni" in one(report, "add-ons", Verdict.GOOD).says


def test_a_kubernetes_version_past_its_support_on_the_day_is_bad(here: Place) -> None:
    assert one(here.check(today=date(2027, 8, 2)), "Kubernetes", Verdict.GOOD)
    line = one(here.check(today=date(2027, 8, 3)), "Kubernetes", Verdict.BAD)
    assert "1.36 is past standard support, which ended on 2027-08-02" in line.says
    assert "infra-fleet:kubernetesVersion" in line.remedy


def test_a_quota_that_is_too_small_is_bad_and_the_remedy_asks_for_enough(here: Place) -> None:
    # (29 + 2 * 2 zones) * 2 vCPUs = 66 of the account's 64.
    group = {"minSize": 1, "maxSize": 29, "desiredSize": 1}
    line = one(here.check(nodeGroups={"default": group}), "vCPUs of spot", Verdict.BAD)
    assert line.says == "66 needed, 0 of 64 used by others"
    assert "--region eu-central-1 --service-code ec2 --quota-code L-34B43A08 --desired-value 66" in line.remedy
    assert one(here.check(nodeGroups={"default": {**group, "maxSize": 28}}), "vCPUs of spot", Verdict.GOOD)


def test_what_others_use_counts_and_what_the_stack_has_does_not(place: Callable[[str], Place]) -> None:
    there = place("eu-north-1")
    own = [{"Key": "project", "Value": names.PROJECT}, {"Key": "cluster", "Value": "staging"}]

    def vpc(tags: list[dict[str, str]]) -> str:
        made = there.ec2.create_vpc(
            CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}] if tags else []
        )
        return made["Vpc"]["VpcId"]

    def allocate(tags: list[dict[str, str]]) -> str:
        kind = [{"ResourceType": "elastic-ip", "Tags": tags}] if tags else []
        return there.ec2.allocate_address(Domain="vpc", TagSpecifications=kind)["AllocationId"]

    for _ in range(3):  # and the default one
        vpc([])
        allocate([])
    vpc(own)
    allocate(own)
    assert one(there.check(), "quota of VPCs", Verdict.GOOD).says == "1 needed, 4 of 5 used by others"
    vpc([])
    subnet = there.ec2.create_subnet(VpcId=vpc([]), CidrBlock="10.0.0.0/24", AvailabilityZone="eu-north-1b")["Subnet"]
    for _ in range(5):
        there.ec2.create_nat_gateway(SubnetId=subnet["SubnetId"], ConnectivityType="private")
    image = there.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    there.ec2.run_instances(ImageId=image, InstanceType="m5.large", MinCount=2, MaxCount=2)

    group = {"capacityType": "ON_DEMAND"}
    report = there.check(nodeGroups={"default": group}, natStrategy="per-zone")
    assert one(report, "quota of VPCs", Verdict.BAD).says == "1 needed, 6 of 5 used by others"
    assert one(report, "Elastic IP", Verdict.GOOD).says == "2 needed, 3 of 5 used by others"
    assert one(report, "NAT gateways in a zone (eu-north-1a)", Verdict.GOOD)
    assert one(report, "NAT gateways in a zone (eu-north-1b)", Verdict.BAD).says.startswith("1 needed, 5 of 5")
    used = one(report, "vCPUs of on-demand", Verdict.GOOD).says
    assert used.startswith("14 needed, ")
    assert not used.endswith(" 0 of 64 used by others")


@pytest.mark.parametrize(
    ("audiences", "adopted", "verdict", "says"),
    [
        (("sts.amazonaws.com",), False, Verdict.BAD, "exists already, and an account has one of a URL"),
        (("sts.amazonaws.com", "other"), True, Verdict.GOOD, "exists, adopted by the permanent layer"),
        (("other",), True, Verdict.BAD, "does not have the audience sts.amazonaws.com"),
    ],
)
def test_a_provider_that_somebody_made_is_to_be_adopted(
    here: Place, github: Callable[..., None], audiences: tuple[str, ...], *, adopted: bool, verdict: Verdict, says: str
) -> None:
    github(*audiences, team="payments")
    line = one(here.check(here.layer(adoptGithubProvider=adopted)), "GitHub", verdict)
    assert says in line.says
    if not adopted:
        assert "infra-fleet-permanent:adoptGithubProvider to true" in line.remedy


def test_the_permanent_layers_own_provider_is_good_and_one_that_is_gone_cannot_be_adopted(
    here: Place, github: Callable[..., None]
) -> None:
    adopting = here.layer(adoptGithubProvider=True)
    assert "does not exist" in one(here.check(adopting), "GitHub", Verdict.BAD).says
    github("sts.amazonaws.com", project="infra-fleet", managed_by="pulumi")
    assert one(here.check(), "GitHub", Verdict.GOOD).says == "created by the permanent layer"


def test_a_linked_role_that_nobody_has_used_yet_is_unknown_with_the_command_that_makes_sure(here: Place) -> None:
    line = one(here.check(), "spot.amazonaws.com", Verdict.UNKNOWN)
    assert line.remedy.endswith("aws iam create-service-linked-role --aws-service-name spot.amazonaws.com")
    on_demand = here.check(nodeGroups={"default": {"capacityType": "ON_DEMAND"}})
    assert about(on_demand, "spot.amazonaws.com") == []


def test_another_account_is_bad_and_nothing_else_is_asked(here: Place, account_folder: Folder) -> None:
    seen = len(account_folder.calls.read_text().splitlines())
    report = here.check(here.layer(accountId="210987654321"), accountId="210987654321")
    assert "the credentials are of account 111122223333" in one(report, "account", Verdict.BAD).says
    made = [json.loads(line)["operation"] for line in account_folder.calls.read_text().splitlines()[seen:]]
    assert made == ["GetCallerIdentity", "DescribeRegions"]


def test_files_that_name_different_accounts_or_clusters_are_bad(here: Place) -> None:
    report = here.check(here.layer(clusters=["blue"]), accountId="210987654321")
    said = " ".join(line.says for line in about(report, "account"))
    assert f"Pulumi.staging.yaml names 210987654321 in {REGION}, but the permanent layer is of {ACCOUNT_ID}" in said
    assert "the cluster staging of Pulumi.staging.yaml is not in the permanent layer's list (blue)" in said


def test_a_region_that_is_not_enabled_or_not_the_environments_is_bad(
    place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = place("me-central-1")
    line = one(there.check(), "region", Verdict.BAD)
    assert line.says == "me-central-1 is not enabled in the account (not-opted-in)"
    assert "aws account enable-region --region-name me-central-1" in line.remedy
    there = place("eu-west-9")
    assert one(there.check(), "region", Verdict.BAD).says == "AWS has no region eu-west-9"
    there = place(REGION)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert "AWS_REGION is us-west-2" in one(there.check(), "region", Verdict.BAD).says


def test_a_read_that_is_refused_is_unknown_with_the_missing_permission(
    here: Place, strike: Callable[..., None]
) -> None:
    behind = {reads.SUBNETS, reads.DEFAULT_QUOTA}  # asked with what another read answers
    strike(*(Rule("AccessDenied", service) for service in ("ec2", "iam", "eks", "servicequotas", "s3", "kms", "logs")))
    stack = here.stack(clusterAdmins=[names.role_arn(ACCOUNT_ID, "somebody")])
    report = check.run(here.aws, here.layer(), {"staging": stack}, TODAY)
    said = "\n".join(line.says for line in report.of(Verdict.UNKNOWN))
    refused = [read for read in (*reads.GRANTED, reads.BUCKET) if read not in behind and read.service in DENIED]
    assert [read.action for read in refused if f"the credentials lack {read.action}" not in said] == []
    assert [line.subject for line in report.of(Verdict.BAD)] == ["permanent layer"]  # what was not refused
    for subject in ("region", "GitHub", "spot.amazonaws.com", "cluster admin", "zones", "instance types", "Kubernetes"):
        assert one(report, subject, Verdict.UNKNOWN)


def test_a_read_that_follows_another_is_unknown_too(here: Place, strike: Callable[..., None]) -> None:
    vpc = here.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = here.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]["SubnetId"]
    gateway = here.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    strike(Rule("AccessDenied", "ec2", "DescribeSubnets"))
    line = one(here.check(), "NAT gateways", Verdict.UNKNOWN)
    here.ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert line.says.endswith("the credentials lack ec2:DescribeSubnets")
    strike(Rule("AccessDenied", "servicequotas", "GetAWSDefault*"))
    line = one(here.check(), "of VPCs", Verdict.UNKNOWN)
    assert line.says.endswith("the credentials lack servicequotas:GetAWSDefaultServiceQuota")


def test_a_call_that_fails_is_unknown_with_its_cause_and_the_rest_is_asked(
    here: Place, strike: Callable[..., None]
) -> None:
    strike(Rule(RESET, service="eks"))
    report = here.check()
    assert "eks:DescribeClusterVersions: AWS cannot be asked" in one(report, "Kubernetes", Verdict.UNKNOWN).says
    assert one(report, "zones", Verdict.GOOD)


def test_expired_credentials_are_unknown_and_said_once(here: Place, strike: Callable[..., None]) -> None:
    strike(Rule("ExpiredToken", service="sts"))
    report = here.check()
    assert "expired" in one(report, "account", Verdict.UNKNOWN).says
    assert [line.subject for line in report.lines][-1] == "all else"
    assert len(report.lines) == 3


def test_every_call_is_declared_and_both_roles_are_granted_it(here: Place, account_folder: Folder) -> None:
    seen = len(account_folder.calls.read_text().splitlines())
    check.run(here.aws, here.layer(), {"staging": here.stack()}, TODAY)
    lines = [json.loads(line) for line in account_folder.calls.read_text().splitlines()[seen:]]
    made = {action_of(line["service"], line["operation"]) for line in lines}
    # Asked only where there is a NAT gateway.
    assert made | {reads.SUBNETS.action} == {read.action for read in (*reads.GRANTED, reads.BUCKET)}
    granted = policies.documents(here.layer())
    for role in (names.PREVIEW_ROLE, names.DEPLOY_ROLE):
        assert [action for action in made if not allows_action(granted[role].values(), action)] == []


def test_the_command_prints_lines_or_json_and_fails_only_for_what_is_bad(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aws(_region: str) -> Aws:
        return here.aws

    monkeypatch.setattr(fleet_account, "Aws", aws)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "permanent").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: infra-fleet\n")
    layer = {"accountId": ACCOUNT_ID, "region": REGION, "githubRepository": "o/r", "alarmEmail": "a@acme.io"}
    config = {f"infra-fleet-permanent:{key}": value for key, value in layer.items()}
    document = {"config": {**config, "infra-fleet-permanent:clusters": ["staging"]}}
    (tmp_path / "permanent" / "Pulumi.account.yaml").write_text(json.dumps(document))
    stack = {"infra-fleet:accountId": ACCOUNT_ID, "infra-fleet:region": REGION}
    (tmp_path / "Pulumi.staging.yaml").write_text(json.dumps({"config": stack}))

    done = CliRunner().invoke(fleet_account.app, ["check", "-C", str(tmp_path), "--json"])
    found = json.loads(done.stdout)
    bad = [line for line in found["lines"] if line["verdict"] == "bad"]
    assert (done.exit_code, found["verdict"]) == (1, "bad")
    assert [line["subject"] for line in bad] == ["permanent layer"]
    assert f"bucket infra-fleet-state-{ACCOUNT_ID}-{REGION}" in bad[0]["says"]
    done = CliRunner().invoke(fleet_account.app, ["check", "-C", str(tmp_path), "--stack", "staging"])
    assert done.exit_code == 1
    assert "\n→ `make account`, as an administrator\n" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("unknown: fix what is bad before you build")
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("| verdict | subject | found | remedy |\n")
    assert "<code>good</code>" not in summary
