"""Bad config gets one clear line, and good config is short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from delivery import config_docs
from infra import settings
from infra.contract import versions
from infra.stack_file import config_of
from tests.support import recorder
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCOUNT: Mapping[str, object] = {"accountId": "123456789012"}
ADMIN = "arn:aws:iam::123456789012:user/imran"
ROLE = "arn:aws:iam::123456789012:role/admin"


def problems(config: Mapping[str, object]) -> list[str]:
    with pytest.raises(settings.SettingsError) as caught:
        settings.parse({**ACCOUNT, **config}, "staging")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"vpcCidr": "10.0.0.0/24"}, "vpcCidr = 10.0.0.0/24: too small; allowed: between /16 and /19"),
        ({"vpcCidr": "10.0.0.0/8"}, "vpcCidr = 10.0.0.0/8: too large; allowed: between /16 and /19"),
        ({"vpcCidr": "8.8.0.0/16"}, "vpcCidr = 8.8.0.0/16: not private; allowed: part of 10.0.0.0/8"),
        ({"vpcCidr": "10.0.0.1/16"}, "vpcCidr = 10.0.0.1/16: 10.0.0.1/16 has host bits set; allowed: an IPv4 network"),
        (
            {"vpcCidr": "172.20.0.0/16"},
            "serviceCidr = 172.20.0.0/16: overlaps vpcCidr 172.20.0.0/16; allowed: a range apart from it",
        ),
        (
            {"serviceCidr": "9.0.0.0/16"},
            "serviceCidr = 9.0.0.0/16 is not allowed: use a private range between /12 and /24",
        ),
        ({"zones": ["eu-west-2a"]}, 'zones = ["eu-west-2a"] is not allowed: use two or more different zones'),
        ({"zones": ["eu-west-2a", "eu-west-2a"]}, "is not allowed: use two or more different zones"),
        (
            {"zones": ["eu-west-2a", "us-east-1b"]},
            "'us-east-1b' is not a zone of eu-west-2; allowed: eu-west-2a, eu-west-2b",
        ),
        ({"region": "London"}, "region = London is not allowed: use a region's code such as eu-west-2"),
        ({"kubernetesVersion": "1.37"}, "kubernetesVersion = 1.37 is not allowed: use 1.34, 1.35, 1.36"),
        (
            {"addonVersions": {"kube-proxy": "v1.35.0-eksbuild.2"}},
            "kube-proxy v1.35.0-eksbuild.2 is of another minor; allowed: v1.36.x",
        ),
        ({"addonVersions": {"coredns": "latest"}}, "coredns 'latest'; allowed: versions such as v1.14.3-eksbuild.23"),
        ({"addonVersions": {"istio": "v1.0.0-eksbuild.1"}}, "'istio' is not an add-on of the stack; allowed: vpc-cni"),
        ({"kubernetesVersion": "1.35"}, "no pins for Kubernetes 1.35; allowed: a version for each of vpc-cni"),
        (
            {"nodeGroups": {"default": {"desiredSize": 9}}},
            "nodeGroups.default.desiredSize = 9 is not allowed: use minSize to maxSize, 1 to 3",
        ),
        (
            {"nodeGroups": {"default": {"capacityType": "spot"}}},
            "nodeGroups.default.capacityType = spot is not allowed: use 'SPOT'",
        ),
        (
            {"nodeGroups": {"default": {"amiType": "AL2_x86_64"}}},
            "nodeGroups.default.amiType = AL2_x86_64 is not allowed: use 'AL2023",
        ),
        (
            {"nodeGroups": {"default": {"instanceTypes": ["t4g.large"]}}},
            "does not run on t4g.large; allowed: the AMI type of its processor",
        ),
        (
            {"nodeGroups": {"default": {"instanceTypes": ["large"]}}},
            "'large' is not an instance type; allowed: names such",
        ),
        (
            {"nodeGroups": {"default": {"instanceTyps": []}}},
            "nodeGroups.default.instanceTyps: unknown setting; did you",
        ),
        (
            {"nodeGroups": {"a": {"amiRelease": "latest"}}},
            "nodeGroups.a.amiRelease = latest is not allowed: use a release such as 1.36.4-20261003",
        ),
        (
            {"nodeGroups": {"a": {"amiRelease": "1.35.4-20261003"}}},
            "a.amiRelease 1.35.4-20261003 is of another minor; allowed: 1.36.x-<date>",
        ),
        *(
            (
                {"nodeGroups": {"a": {"instanceTypes": types, "cpuCredits": "standard"}}},
                "nodeGroups.a.cpuCredits = standard is not allowed: use unlimited, or one burstable instance type",
            )
            for types in (["m5.large"], ["t3.large", "t3a.large"], ["t3.large", "m5.large"])
        ),
        ({"nodeGroups": {"x" * 37: {}}}, "allowed: names of at most 36 lower-case letters, digits, -"),
        ({"nodeGroups": {}}, "nodeGroups = {} is not allowed: use at least one node group with a desired node"),
        (
            {"hostedZoneIds": ["/hostedzone/Z1"]},
            "hostedZoneIds[0] = /hostedzone/Z1 is not allowed: use a hosted zone's id alone",
        ),
        (
            {"hostedZoneIds": ["Z*"]},
            "hostedZoneIds[0] = Z* is not allowed: use a hosted zone's id alone, such as Z0123456789A",
        ),
        ({"hostedZoneIds": ["z1"]}, "hostedZoneIds[0] = z1 is not allowed: use a hosted zone's id alone"),
        ({"hostedZoneIds": ["Z1", "Z1"]}, "'Z1' is listed twice; allowed: each once"),
        ({"hostedZoneIds": "Z1"}, "hostedZoneIds = Z1 is not allowed: use a list"),
        ({"hostedZoneIds": [f"Z{number}" for number in range(21)]}, "is not allowed: use 20 or fewer of them"),
        (
            {"clusterAdmins": [ADMIN]},
            f"clusterAdmins[0] = {ADMIN} is not allowed: use role ARNs; a user's keys never expire",
        ),
        ({"clusterAdmins": [ROLE, ROLE]}, "is not allowed: use each role once, and not infra-fleet-deploy"),
        ({"clusterAdmins": ["arn:aws:iam::123456789012:role/infra-fleet-deploy"]}, "which is an administrator already"),
        ({"clusterAdmins": ["admin"]}, "clusterAdmins[0] = admin is not allowed: use role ARNs, arn:aws:iam::"),
        ({"clusterViewers": [ADMIN]}, f"clusterViewers[0].role = {ADMIN} is not allowed: use role ARNs; a user's keys"),
        ({"clusterEditors": ["dev"]}, "clusterEditors[0].role = dev is not allowed: use role ARNs, arn:aws:iam::"),
        ({"clusterViewers": [{"namespaces": ["a"]}]}, "clusterViewers[0].role is not set; it is required"),
        (
            {"clusterViewers": [{"role": ROLE, "namespace": "a"}]},
            "clusterViewers[0].namespace: unknown setting; did you",
        ),
        (
            {"clusterViewers": [{"role": ROLE, "namespaces": ["Team"]}]},
            "clusterViewers[0].namespaces[0] = Team is not allowed: use a namespace such as team-a, or team-*",
        ),
        (
            {"clusterViewers": [{"role": ROLE, "namespaces": ["*"]}]},
            "namespaces[0] = * is not allowed: use a namespace",
        ),
        ({"clusterViewers": [{"role": ROLE, "namespaces": ["a", "a"]}]}, "'a' is listed twice; allowed: each once"),
        (
            {"clusterViewers": ["arn:aws:iam::999999999999:role/x"]},
            "role/x is of another account; allowed: roles of 123456789012",
        ),
        ({"clusterViewers": [ROLE, {"role": ROLE}]}, "role admin is listed twice; allowed: each role once"),
        (
            {"clusterAdmins": [ROLE], "clusterEditors": [ROLE]},
            "role admin administers the cluster; allowed: roles below administrators",
        ),
        (
            {"clusterViewers": ["arn:aws:iam::123456789012:role/infra-fleet-deploy"]},
            "role infra-fleet-deploy administers the cluster",
        ),
        (
            {"clusterViewers": [ROLE], "clusterEditors": ["arn:aws:iam::123456789012:role/team/admin"]},
            f"role/team/admin is {ROLE} in clusterViewers; allowed: one ARN for a role",
        ),
        ({"clusterName": "x" * 101}, "is not allowed: use at most 100 letters, digits, - and _"),
        (
            {"environment": "Staging"},
            "environment = Staging is not allowed: use at most 32 lower-case letters, digits and -",
        ),
        ({"accountId": "12345678901"}, "accountId = 12345678901 is not allowed: use 12 digits"),
        ({"natStrategy": "none"}, "natStrategy = none is not allowed: use single, per-zone; without NAT Flux does not"),
        (
            {"endpointAccess": "public"},
            "endpointAccess is public; allowed: at least one CIDR",
        ),
        ({"endpointPublicCidrs": ["1.2.3.4/32"]}, "endpointAccess is private; allowed: none"),
        (
            {"endpointAccess": "public", "endpointPublicCidrs": ["0.0.0.0/0"]},
            "endpointAnywhereAcknowledged = false: endpointPublicCidrs has 0.0.0.0/0; allowed: true, when that is",
        ),
        ({"ingressCidrs": ["0.0.0.0/0"]}, "ingressAnywhereAcknowledged = false: ingressCidrs has 0.0.0.0/0; allowed"),
        (
            {"ingressCidrs": ["10.1.0.0/16", "203.0.113.0/24"]},
            "10.1.0.0/16 is private and 203.0.113.0/24 is public; allowed: private networks alone, for an internal",
        ),
        (
            {"ingressCidrs": ["10.1.0.0/16", "0.0.0.0/0"], "ingressAnywhereAcknowledged": True},
            "10.1.0.0/16 is private and 0.0.0.0/0 is public; allowed: private networks alone, for an internal",
        ),
        ({"permissionsBoundary": "boundary"}, "permissionsBoundary = boundary is not allowed: use a policy's ARN"),
        ({"tags": {"aws:x": "y"}}, "aws:x: 'y'; allowed: keys of 1 to 128 characters without aws:"),
        ({"tags": {"a": "b|c"}}, "a: 'b|c'; allowed: keys of 1 to 128 characters"),
        (
            {"tags": {"Cluster": "x"}},
            "is not allowed: use keys that differ in more than case, and none of project, environment",
        ),
        ({"tags": {f"k{n}": "x" for n in range(41)}}, "41 tags; allowed: at most 40"),
        ({"tags": ["a"]}, 'tags = ["a"] is not allowed: use a map of names to values'),
        ({"zones": "eu-west-2a"}, "zones = eu-west-2a is not allowed: use a list"),
        ({"vpcCidr": [1]}, "vpcCidr = [1] is not allowed: use an IPv4 network such as"),
        ({"nodeGroups": {"a": 3}}, "nodeGroups.a = 3 is not allowed: use a map of keys to values"),
        ({"nodeGroups": {"a": {"minSize": True}}}, "nodeGroups.a.minSize = true is not allowed: use a whole number"),
        ({"nodeGroups": {"a": {"diskGib": 5}}}, "nodeGroups.a.diskGib = 5 is not allowed: use 20 or more"),
        (
            {"nodeGroups": {"a": {"instanceTypes": []}}},
            "nodeGroups.a.instanceTypes = [] is not allowed: use 1 or more of them",
        ),
        (
            {"nodeGroups": {"a": {"minSize": 5, "maxSize": 8}}},
            "nodeGroups.a.desiredSize = 2 is not allowed: use minSize to maxSize, 5 to 8",
        ),
        ({"nodeGroups": {"a": {"minSize": 0, "desiredSize": 0}}}, "at least one node group with a desired node"),
        ({"deletionProtection": "maybe"}, "deletionProtection = maybe is not allowed: use true or false"),
        (
            {"region": "cn-north-1"},
            "region = cn-north-1 is not allowed: use a region's code such as eu-west-2, not of China",
        ),
        ({"kubernetesVersion": "1.32"}, "kubernetesVersion = 1.32 is not allowed: use 1.34, 1.35, 1.36"),
        (
            {"endpointAccess": "public", "endpointPublicCidrs": ["0.0.0.0/1", "128.0.0.0/1"]},
            "endpointAnywhereAcknowledged = false: endpointPublicCidrs has 0.0.0.0/1; allowed: true",
        ),
        ({"endpointAccess": "public", "endpointPublicCidrs": ["10.0.0.0/8"]}, "10.0.0.0/8 is private; allowed: public"),
        (
            {"clusterAdmins": ["arn:aws:iam::999999999999:role/x"]},
            "role/x is of another account; allowed: roles of 123456789012",
        ),
        ({"zoness": ["eu-west-2a"]}, "zoness: unknown setting; did you mean zones?"),
        ({"account_id": "123456789012"}, "account_id: unknown setting; did you mean accountId?"),
        ({"qqq": 1}, "qqq: unknown setting; allowed: environment, clusterName"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_key_value_and_what_is_allowed(
    config: Mapping[str, object], line: str
) -> None:
    (found,) = problems(config)
    assert found.startswith("  infra-fleet:")
    assert line in found


def test_all_problems_are_reported_at_once() -> None:
    found = problems({"vpcCidr": "10.0.0.0/28", "zones": [], "clusterAdmins": [ADMIN], "clustrName": "x"})
    assert len(found) == 4


def test_a_missing_account_is_named() -> None:
    with pytest.raises(settings.SettingsError, match="infra-fleet:accountId is not set; it is required"):
        settings.parse({}, "staging")


def test_the_account_alone_describes_a_stack() -> None:
    found = settings.parse(ACCOUNT, "staging")
    assert (found.environment, found.cluster_name, found.zones) == ("staging", "staging", ("eu-west-2a", "eu-west-2b"))
    assert found.applications_open_to == (found.vpc_cidr,)


@pytest.mark.parametrize(
    ("config", "scheme"),
    [
        ({}, "internal"),
        ({"ingressCidrs": ["10.1.0.0/16", "100.64.0.0/10"]}, "internal"),
        ({"ingressCidrs": ["203.0.113.0/24"]}, "internet-facing"),
        ({"ingressCidrs": ["0.0.0.0/0"], "ingressAnywhereAcknowledged": True}, "internet-facing"),
    ],
)
def test_load_balancers_face_those_who_may_reach_them(config: Mapping[str, object], scheme: str) -> None:
    assert settings.parse({**ACCOUNT, **config}, "staging").ingress_scheme == scheme


def test_what_yaml_reads_as_a_number_is_taken_as_text() -> None:
    found = settings.parse({"accountId": 123456789012, "kubernetesVersion": 1.36}, "staging")
    assert (found.account_id, found.kubernetes_version) == ("123456789012", "1.36")


def test_the_pins_can_be_overridden_one_by_one() -> None:
    found = settings.parse({**ACCOUNT, "addonVersions": {"coredns": "v1.14.7-eksbuild.11"}}, "staging")
    assert found.addon_version("coredns") == "v1.14.7-eksbuild.11"
    assert found.addon_version("vpc-cni") == versions.ADDONS["vpc-cni"].pin


def test_own_tags_stand_beside_the_stacks() -> None:
    found = settings.parse({**ACCOUNT, "tags": {"team": "platform"}}, "staging")
    assert found.all_tags == {
        "team": "platform",
        "project": "infra-fleet",
        "environment": "staging",
        "cluster": "staging",
        "managed-by": "pulumi",
    }


def test_losing_one_spot_instance_is_no_outage_by_default() -> None:
    (group,) = settings.parse(ACCOUNT, "staging").node_groups.values()
    assert group.desired_size >= 2
    assert len(group.instance_types) >= 3


@pytest.mark.parametrize("stack_file", sorted(REPOSITORY.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_every_stack_file_is_good_config(stack_file: Path) -> None:
    config = config_of(stack_file)
    settings.parse_file(config, stack_file.name.split(".")[1])
    assert config["pulumi:disable-default-providers"] == ["*"]


def test_roles_are_bounded_by_the_permanent_layers_policy_unless_another_is_named() -> None:
    found = settings.parse(ACCOUNT, "staging")
    assert found.permissions_boundary == "arn:aws:iam::123456789012:policy/infra-fleet-boundary"
    own = "arn:aws:iam::123456789012:policy/own"
    assert settings.parse({**ACCOUNT, "permissionsBoundary": own}, "staging").permissions_boundary == own


def test_what_follows_from_a_bad_setting_is_not_a_second_problem() -> None:
    assert len(problems({"accountId": "1"})) == 1
    assert len(problems({"environment": "Staging!"})) == 1


def test_the_program_fails_with_a_run_error_that_lists_the_problems() -> None:
    config = {"accountId": "1", "clusterAdmins": [ADMIN], "zoness": "x"}
    with pytest.raises(pulumi.RunError) as caught:
        recorder.run(settings.load, config=config, preview=True)
    assert "Pulumi.staging.yaml has 3 errors:\n  infra-fleet:accountId" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 4


def test_a_structured_key_that_holds_text_is_reported_with_its_text() -> None:
    with pytest.raises(pulumi.RunError, match="infra-fleet:zones = eu-west-2a"):
        recorder.run(settings.load, config={**ACCOUNT, "zones": "eu-west-2a"}, preview=True)


def test_the_page_of_settings_is_made_from_the_model() -> None:
    assert config_docs.PAGE.read_text("utf-8") == config_docs.render(), "run: make docs"


@pytest.mark.parametrize(
    ("value", "hours"), [("Mon-Fri 08-20", 260.0), ("Mon-Sun 00-24", 728.0), ("Sat-Mon 10-11", 13.0)]
)
def test_the_hours_of_a_month_follow_from_days_and_hours(value: str, hours: float) -> None:
    assert settings.parse({**recorder.CONFIG, "upHours": value}, "staging").hours_a_month == hours
    assert (
        settings.parse({**recorder.CONFIG, "upHours": value, "nightlyTeardown": False}, "staging").hours_a_month == 730
    )


@pytest.mark.parametrize("value", ["always", "Mon-Fri 8-20", "Mon-Fri 20-08", "Mon-Fri 08-25", "mon-fri 08-20"])
def test_days_and_hours_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="upHours = "):
        settings.parse({**recorder.CONFIG, "upHours": value}, "staging")
