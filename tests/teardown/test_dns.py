r"""Records without a load balancer are listed with what is known of them; nothing in Route 53 is ever changed."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from common.pulumi.exported_state import StackState
from common.world import SANDBOX_VARIABLE
from infra.contract import sweep_policies
from sandbox.account.faults import RESET, Rule
from teardown import capture, declared_permissions, dns, drain, fleet_teardown, verify
from teardown.claim import Claim
from teardown.dns import Evidence
from teardown.drain import Drained
from teardown.kinds.balancers import BALANCER
from teardown.kinds.base import Leftover
from teardown.kinds.network import VOLUME
from teardown.run import Night
from teardown.target import Target
from tests.sandbox.account.aws import unique

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from common.target import Proven
    from sandbox.folder import Folder
    from teardown.dns import Records
    from tests.teardown.conftest import Town

REGION = "eu-west-2"
ALB = "k8s-shop-web-0123456789-1234567890.eu-west-2.elb.amazonaws.com"
NLB = "k8s-shop-api-0123456789-0123456789abcdef.elb.eu-west-2.amazonaws.com"
PLAIN = "shop-1234567890.eu-west-2.elb.amazonaws.com"
ELB_ZONE = "ZHURV8PSTC4K8"
READS = {"route53:GetHostedZone", "route53:ListResourceRecordSets"}


def alias(name: str, target: str, kind: str = "A", **more: Any) -> dict[str, Any]:
    to = {"HostedZoneId": ELB_ZONE, "DNSName": target, "EvaluateTargetHealth": True}
    return {"Name": name, "Type": kind, "AliasTarget": to, **more}


def plain(name: str, kind: str, value: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}], **more}


def registered(name: str, owner: str) -> dict[str, Any]:
    text = f'"heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress/shop/web"'
    return plain(name, "TXT", text)


class Domain:
    """A hosted zone of the account."""

    def __init__(self, town: Town, **config: Any) -> None:
        self.client = town.clients.client("route53")
        self.name = f"{unique('zone')}.example"
        made = self.client.create_hosted_zone(Name=self.name, CallerReference=unique("zone"), **config)
        self.id = made["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def add(self, *records: Mapping[str, Any]) -> None:
        changes = [{"Action": "CREATE", "ResourceRecordSet": each} for each in records]
        self.client.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": changes})

    def records(self) -> list[Any]:
        pages = self.client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.id)
        return [each for page in pages for each in page["ResourceRecordSets"]]


@pytest.fixture
def domain(town: Town) -> Domain:
    return Domain(town)


def looked(aws: Proven, town: Town, domain: Domain, gone: Collection[str] = ()) -> Records:
    return dns.dangling(aws, town.target, [domain.id], gone)


def listed(records: Records, domain: Domain) -> dict[str, Evidence]:
    """Name within the zone → why it is listed."""
    assert records.unknown == ()
    return {each.listed["Name"].removesuffix(f".{domain.name}."): each.evidence for each in records.found}


def calls_since(folder: Folder, since: int) -> set[str]:
    lines = [json.loads(line) for line in folder.calls.read_text().splitlines()[since:]]
    return {f"{line['service']}:{line['operation']}" for line in lines}


def test_without_the_setting_route_53_is_not_asked(town: Town, aws: Proven, account_folder: Folder) -> None:
    since = len(account_folder.calls.read_text().splitlines())
    verdict = verify.verify(aws, town.target, lambda: StackState(), reads=1, pause=0.0)
    assert verdict.records == ()
    assert not {call for call in calls_since(account_folder, since) if call.startswith("route53:")}


def test_a_record_is_listed_once_its_load_balancer_is_gone_and_nothing_in_the_zone_changes(
    town: Town, aws: Proven, domain: Domain, account_folder: Folder
) -> None:
    town.leave()
    pages = town.clients.client("elbv2").get_paginator("describe_load_balancers").paginate()
    balancer = next(each for page in pages for each in page["LoadBalancers"] if each["VpcId"] == town.place.vpc)
    target = balancer["DNSName"]
    domain.add(
        alias(f"app.{domain.name}", f"dualstack.{target.upper()}."),
        alias(f"app.{domain.name}", target, "AAAA"),
        plain(f"old.{domain.name}", "CNAME", f"{target}."),
    )
    before, since = domain.records(), len(account_folder.calls.read_text().splitlines())
    assert looked(aws, town, domain, [target]).found == (), "the load balancer is there"

    swept = town.sweep(aws).deleted
    gone = Night(town.target, swept=swept).dns_names
    verdict = verify.verify(aws, town.target, lambda: StackState(), reads=1, pause=0.0, zones=[domain.id], gone=gone)

    assert [(each.evidence, each.balancer) for each in verdict.records] == [(Evidence.SEEN, target.lower())] * 3
    assert [each.label for each in verdict.records] == [
        f"A app.{domain.name}.",
        f"AAAA app.{domain.name}.",
        f"CNAME old.{domain.name}.",
    ]
    assert verdict.unknown == ()
    assert {each.id for each in verdict.left} <= town.state.listed, "a record is not a leftover"
    assert domain.records() == before
    assert {call for call in calls_since(account_folder, since) if call.startswith("route53:")} == READS


def test_records_alone_leave_a_night_clean(town: Town, aws: Proven, domain: Domain) -> None:
    for subnet in town.place.subnets:
        town.clients.ec2.delete_subnet(SubnetId=subnet)
    town.clients.ec2.delete_vpc(VpcId=town.place.vpc)
    domain.add(alias(f"app.{domain.name}", ALB))
    verdict = verify.verify(aws, town.target, lambda: StackState(), reads=1, pause=0.0, zones=[domain.id])
    assert verdict.clean
    assert len(verdict.records) == 1


def test_a_note_names_record_zone_target_and_what_is_known(town: Town, aws: Proven, domain: Domain) -> None:
    cluster = town.place.cluster
    domain.add(
        alias(f"named.{domain.name}", ALB),
        alias(f"registered.{domain.name}", PLAIN),
        registered(f"a-registered.{domain.name}", cluster),
        alias(f"seen.{domain.name}", PLAIN.replace("shop", "seen")),
    )
    found = looked(aws, town, domain, [PLAIN.replace("shop", "seen")]).found
    named, registry, seen = [each.note for each in found]
    where = f"in hosted zone {domain.id} ({domain.name}.) points at"
    absent = f"a load balancer that is not in {town.target.account_id}, {REGION}"
    assert named.startswith(f"DNS record A named.{domain.name}. {where} {ALB}, {absent}. Its name is one that")
    assert "it may be another cluster's, or exist in another account. Check that, then remove" in named
    assert "no longer exists" not in named, "that is not known"
    assert f"{where} {PLAIN}, {absent}; external-dns made the record for {cluster}. Remove the record:" in registry
    assert f"a load balancer of {cluster} that no longer exists. Remove the record: aws route53 change-res" in seen


def test_the_zone_is_said_to_be_private(town: Town, aws: Proven) -> None:
    vpc = {"VPCRegion": town.clients.region, "VPCId": town.place.vpc}
    inside = Domain(town, VPC=vpc, HostedZoneConfig={"PrivateZone": True})
    inside.add(alias(f"app.{inside.name}", ALB))
    (record,) = looked(aws, town, inside).found
    assert f"in private hosted zone {inside.id} ({inside.name}.)" in record.note


def test_the_command_of_a_record_removes_that_record_and_no_other(town: Town, aws: Proven, domain: Domain) -> None:
    domain.add(
        alias(f"app.{domain.name}", ALB, SetIdentifier="it's `blue`", Weight=10),
        alias(f"app.{domain.name}", ALB, SetIdentifier="green", Weight=20),
        alias(rf"\052.{domain.name}", NLB),
    )
    wildcard, first, second = looked(aws, town, domain).found
    assert second.label == f"A app.{domain.name}. (set identifier green)"
    assert wildcard.label == f"A *.{domain.name}."
    words = shlex.split(first.command)
    assert words[:6] == [
        "aws",
        "route53",
        "change-resource-record-sets",
        "--hosted-zone-id",
        domain.id,
        "--change-batch",
    ]
    domain.client.change_resource_record_sets(HostedZoneId=domain.id, ChangeBatch=json.loads(words[6]))
    assert [each.label for each in looked(aws, town, domain).found] == [wildcard.label, second.label]


def test_only_what_can_be_a_load_balancer_of_the_cluster_is_listed(town: Town, aws: Proven, domain: Domain) -> None:
    name, cluster = domain.name, town.place.cluster
    domain.add(
        # Listed.
        alias(f"alias.{name}", f"dualstack.{ALB}."),
        alias(f"six.{name}", f"DualStack.{ALB.upper()}", "AAAA"),
        plain(f"cname.{name}", "CNAME", f"internal-{ALB}"),
        plain(f"network.{name}", "CNAME", f"{NLB}."),
        alias(f"group.{name}", "k8s-platform-fedcba9876-1.eu-west-2.elb.amazonaws.com"),
        plain(f"classic.{name}", "CNAME", f"a{'0f' * 15}0-12345.eu-west-2.elb.amazonaws.com"),
        alias(f"mine.{name}", PLAIN),
        registered(f"a-mine.{name}", cluster),
        alias(rf"\052.wild.{name}", PLAIN),
        registered(rf"\052.wild.{name}", cluster),
        alias(f"default.{name}", ALB),
        registered(f"cname-default.{name}", "default"),
        # Not listed.
        alias(f"person.{name}", PLAIN),
        alias(f"begins.{name}", "k8s-our-old-balancer-1234567890.eu-west-2.elb.amazonaws.com"),
        alias(f"continues.{name}", "k8s-shop-web-0123456789-12-mine-1234567890.eu-west-2.elb.amazonaws.com"),
        alias(f"short.{name}", "k8s-shop-web-012345678-1234567890.eu-west-2.elb.amazonaws.com"),
        alias(f"elsewhere.{name}", ALB.replace(REGION, "eu-west-1")),
        alias(f"longer.{name}", ALB.replace(REGION, "eu-west-22")),
        plain(f"below.{name}", "CNAME", f"{ALB}.evil.example"),
        plain(f"above.{name}", "CNAME", f"evil.{ALB}"),
        plain(f"pattern.{name}", "CNAME", ALB.replace(".elb.", "xelb.")),
        alias(f"cloudfront.{name}", "d111111abcdef8.cloudfront.net"),
        alias(f"bucket.{name}", "s3-website.eu-west-2.amazonaws.com"),
        alias(f"chain.{name}", f"alias.{name}."),
        plain(f"text.{name}", "TXT", f'"{ALB}"'),
        plain(f"address.{name}", "A", "192.0.2.1"),
        alias(f"others.{name}", ALB),
        registered(f"a-others.{name}", f"{cluster}-2"),
        alias(f"both.{name}", ALB),
        registered(f"a-both.{name}", cluster),
        registered(f"both.{name}", f"{cluster}-2"),
        alias(f"upper.{name}", PLAIN),
        registered(f"upper.{name}", cluster.upper()),
        alias(f"heritage.{name}", PLAIN),
        plain(f"heritage.{name}", "TXT", f'"heritage=mine,external-dns/owner={cluster}"'),
        alias(f"longname.{name}", PLAIN),
        registered(f"x-longname.{name}", cluster),
    )
    named = ("alias", "six", "cname", "network", "group", "classic", "default")
    assert listed(looked(aws, town, domain), domain) == {
        **dict.fromkeys(named, Evidence.NAMED),
        "mine": Evidence.REGISTERED,
        r"\052.wild": Evidence.REGISTERED,
    }


def test_what_this_run_saw_counts_whatever_its_name_and_whoever_made_the_record(
    town: Town, aws: Proven, domain: Domain
) -> None:
    domain.add(
        alias(f"app.{domain.name}", PLAIN),
        registered(f"a-app.{domain.name}", "somebody"),
        alias(f"other.{domain.name}", PLAIN.replace("shop", "shop2")),
    )
    gone = ["", "web.example", f"dualstack.{PLAIN.upper()}."]
    assert listed(looked(aws, town, domain, gone), domain) == {"app": Evidence.SEEN}


def test_a_load_balancer_of_another_vpc_is_there(town: Town, aws: Proven, domain: Domain) -> None:
    other = town.clients.network("a")
    elb = town.clients.client("elbv2")
    name = f"k8s-shop-web-{unique('')[-10:]}"
    made = elb.create_load_balancer(Name=name, Type="network", Subnets=list(other.subnets))["LoadBalancers"][0]
    domain.add(alias(f"app.{domain.name}", made["DNSName"]), registered(f"a-app.{domain.name}", town.place.cluster))
    assert looked(aws, town, domain, [made["DNSName"]]).found == ()
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert listed(looked(aws, town, domain), domain) == {"app": Evidence.REGISTERED}


def test_a_zone_of_several_pages_is_read_whole(town: Town, aws: Proven, domain: Domain) -> None:
    for start in range(0, 700, 100):
        domain.add(*(plain(f"r{number:03}.{domain.name}", "CNAME", ALB) for number in range(start, start + 100)))
    assert len(listed(looked(aws, town, domain), domain)) == 700


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "ServiceUnavailable", "ExpiredToken", RESET])
@pytest.mark.parametrize(
    ("service", "operation", "after"),
    [
        ("route53", "GetHostedZone", 0),
        ("route53", "ListResourceRecordSets", 0),
        ("route53", "ListResourceRecordSets", 1),
        ("elasticloadbalancing", "DescribeLoadBalancers", 0),
        ("elasticloadbalancing", "DescribeLoadBalancers", 1),
    ],
)
def test_what_cannot_be_read_is_unknown_and_names_the_settings(
    town: Town,
    aws: Proven,
    domain: Domain,
    strike: Callable[..., None],
    *,
    service: str,
    operation: str,
    after: int,
    code: str,
) -> None:
    domain.add(*(plain(f"r{number:03}.{domain.name}", "CNAME", ALB) for number in range(301)))
    strike(Rule(code, service, operation, after=after))
    records = looked(aws, town, domain, [ALB])
    assert records.found == ()
    (line,) = records.unknown
    assert f"{service}:{operation}: " in line
    assert "infra-fleet:hostedZoneIds" in line
    if service == "route53":
        assert line.startswith(f"DNS records of hosted zone {domain.id}: ")
        assert "infra-fleet-permanent:hostedZoneIds: add it there" in line
    if code == "AccessDenied":
        assert f"the credentials lack {service}:{operation}" in line
    strike()
    verdict = verify.Verdict((), records.unknown, ())
    assert not verdict.clean


def test_a_zone_that_only_the_stack_names_is_unknown_and_the_others_are_read(
    town: Town, aws: Proven, domain: Domain
) -> None:
    domain.add(alias(f"app.{domain.name}", ALB))
    records = dns.dangling(aws, town.target, ["Z0NOTTHERE", domain.id])
    assert len(records.found) == 1
    (line,) = records.unknown
    assert line.startswith("DNS records of hosted zone Z0NOTTHERE: route53:GetHostedZone: NoSuchHostedZone: ")
    verdict = verify.verify(aws, town.target, lambda: StackState(), reads=1, pause=0.0, zones=["Z0NOTTHERE"])
    assert line in verdict.unknown


@pytest.mark.parametrize("body", [b"<html><body>Sign in</body></html>", b"Sign in <br>", b"", b"{}"])
@pytest.mark.parametrize("operation", ["GetHostedZone", "ListResourceRecordSets"])
def test_a_reply_that_is_none_of_aws_is_unknown(
    town: Town, aws: Proven, domain: Domain, operation: str, body: bytes
) -> None:
    class Raw:
        def stream(self) -> list[bytes]:
            return [body]

    def answer(request: Any, **_more: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {"Content-Type": "text/html"}, Raw())  # pyright: ignore[reportArgumentType]

    domain.add(alias(f"app.{domain.name}", ALB))
    aws.client("route53").meta.events.register(f"before-send.route53.{operation}", answer)
    records = looked(aws, town, domain)
    assert records.found == ()
    (line,) = records.unknown
    assert f"route53:{operation}: the answer cannot be read" in line


def test_in_another_account_nothing_is_looked_at(
    town: Town, aws: Proven, domain: Domain, account_folder: Folder
) -> None:
    domain.add(alias(f"app.{domain.name}", ALB))
    since = len(account_folder.calls.read_text().splitlines())
    records = dns.dangling(aws, replace(town.target, account_id="999999999999"), [domain.id], [ALB])
    assert records.found == ()
    assert "the credentials are of account" in records.unknown[0]
    assert calls_since(account_folder, since) == {"sts:GetCallerIdentity"}


def test_the_role_may_read_the_zones_that_are_named_and_change_none() -> None:
    documents = [
        sweep_policies.probes(declared_permissions.declared(), "111122223333", REGION, ["Z1", "Z2"]),
        sweep_policies.leftovers(declared_permissions.declared(), "111122223333", REGION, ["staging"]),
        sweep_policies.owned(declared_permissions.declared(), "111122223333", REGION, ["staging"]),
    ]
    found = [each for document in documents for each in document["Statement"] if "route53:" in str(each)]
    zones = [f"arn:aws:route53:::hostedzone/{zone}" for zone in ("Z1", "Z2")]
    assert found == [{"Effect": "Allow", "Action": sorted(READS), "Resource": zones}]
    assert "route53" not in str(sweep_policies.probes(declared_permissions.declared(), "111122223333", REGION))


HOSTILE = "evil\n::stop-commands::x\r\x1b[31m|`<b>‮$(id)'\""


def test_foreign_text_stays_in_its_line() -> None:
    target = Target("111122223333", REGION, "staging", "staging")
    zone = dns.Zone("Z1", HOSTILE, is_private=False, records=())
    record = dns.Record(zone, ALB, Evidence.NAMED, target, alias(HOSTILE, ALB, SetIdentifier=HOSTILE, Weight=1))
    note = record.note
    assert note.isascii()
    assert note.isprintable()
    assert "`" not in note
    assert not any(sign in record.label for sign in "|<>$'\"")
    (change,) = json.loads(shlex.split(record.command)[-1])["Changes"]
    assert change == {"Action": "DELETE", "ResourceRecordSet": record.listed}


WORDS = st.text("abck8s-0123456789._", max_size=40)
REGIONS = st.sampled_from(["eu-west-2", "eu-west-1", "eu-west-22", "us-east-1", "eu.west-2"])


@given(st.one_of(WORDS, st.text(max_size=40)), REGIONS, st.booleans(), st.booleans())
def test_only_one_label_beneath_the_region_s_own_suffix_is_a_load_balancer(
    label: str, region: str, network: bool, dotted: bool
) -> None:
    suffix = f"elb.{region}" if network else f"{region}.elb"
    name = f"{label}.{suffix}.amazonaws.com{'.' if dotted else ''}"
    found = dns.balancer_in(name, REGION)
    lower = label.lower().removeprefix("dualstack.")
    is_label = bool(lower) and lower.isascii() and lower.replace("-", "").isalnum() and lower.strip("-") == lower
    assert bool(found) == (region == REGION and is_label)
    if found:
        assert found == dns.balancer_in(f"DUALSTACK.{found.upper()}.", REGION) == dns.balancer_in(found, REGION)


TXT_VALUES = st.text('heritage=external-dns,/owner"\\ \n', max_size=80)


@given(st.lists(TXT_VALUES))
def test_any_text_of_a_txt_record_can_be_read(values: list[str]) -> None:
    records = [plain("a.example.", "TXT", value) for value in values]
    assert set(dns.owners_in(records)) <= {"a.example."}


HALVES: tuple[dict[str, Any], ...] = (
    {},
    {"Type": "CNAME"},
    {"AliasTarget": {}},
    {"Type": "TXT", "ResourceRecords": [{}]},
)


@pytest.mark.parametrize("record", HALVES)
def test_a_record_without_its_fields_points_at_nothing(record: dict[str, Any]) -> None:
    assert dns.target_of(record, REGION) == ""
    assert dns.owners_in([record]) == {}


class Living:
    """The API server of a cluster, as far as a drain lists it."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects = objects

    def list(self, kind: Any) -> list[dict[str, Any]]:
        return self.objects.get(kind.kind, [])

    def delete(self, kind: Any, name: str, namespace: str) -> None:
        self.objects[kind.kind] = [each for each in self.list(kind) if each["metadata"]["name"] != name]


def test_the_drain_remembers_what_load_balancers_were_called() -> None:
    def made(name: str, status: object, **spec: object) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status}

    def shown(name: str) -> dict[str, Any]:
        return {"loadBalancer": {"ingress": [{"hostname": name}, {"ip": "192.0.2.1"}]}}

    living = Living(
        Ingress=[made("web", shown(ALB)), made("new", {}), made("odd", {"loadBalancer": None})],
        Service=[made("api", shown(NLB), type="LoadBalancer"), made("in", shown("kept.example"), type="ClusterIP")],
        Gateway=[made("edge", {"addresses": [{"type": "Hostname", "value": PLAIN}]})],
    )
    done = Drained()
    drain.delete(living, done)  # pyright: ignore[reportArgumentType]
    assert done.dns_names == [ALB, NLB, PLAIN]
    swept = [Leftover(BALANCER, "arn", Claim.OURS, dns_name="swept"), Leftover(VOLUME, "vol-1", Claim.OURS)]
    target = Target("111122223333", REGION, "staging", "staging")
    assert Night(target, drained=done, swept=swept).dns_names == {ALB, NLB, PLAIN, "swept", ""}
    assert Night(target).dns_names == frozenset()


def test_verify_prints_the_records_of_the_zones_in_the_stack_s_file(
    town: Town, aws: Proven, domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws
    domain.add(alias(f"app.{domain.name}", ALB))
    config = {
        "infra-fleet:accountId": town.target.account_id,
        "infra-fleet:clusterName": town.place.cluster,
        "infra-fleet:hostedZoneIds": [domain.id],
    }
    (tmp_path / "Pulumi.staging.yaml").write_text(json.dumps({"config": config}))

    def empty(*_arguments: object) -> StackState:
        return StackState()

    monkeypatch.setattr(capture, "state_of", empty)
    assert capture.zones_of(tmp_path, "staging") == (domain.id,)
    monkeypatch.setenv(SANDBOX_VARIABLE, "1")
    done = CliRunner().invoke(fleet_teardown.app, ["verify", f"--cwd={tmp_path}", "--json", "--reads=1"])
    assert f"DNS record A app.{domain.name}. in hosted zone {domain.id}" in done.stdout
