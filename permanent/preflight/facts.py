"""What AWS says: the reads of the check, whose answers are facts or, where there is none, why."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from common.aws import DENIED, Aws, answered, code_of
from common.errors import UnknownError
from common.target import REGION_VARIABLES
from infra.contract import names
from infra.contract.versions import ADDONS
from permanent.preflight import quotas, reads
from permanent.preflight.quotas import NAT_GATEWAYS, REGIONAL, Quota
from permanent.preflight.verdict import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    import permanent.settings
    from infra.settings import Settings
    from permanent.preflight.reads import Read

T = TypeVar("T")

EVERYWHERE = "us-east-1"
"""A region that every account has enabled: it says of the others whether they are."""

LINKED_ROLES = {
    "eks.amazonaws.com": "AWSServiceRoleForAmazonEKS",
    "eks-nodegroup.amazonaws.com": "AWSServiceRoleForAmazonEKSNodegroup",
    "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
    "spot.amazonaws.com": "AWSServiceRoleForEC2Spot",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
}
"""Service → its service-linked role (EKS, Auto Scaling, EC2 and Elastic Load Balancing user guides)."""


@dataclass(frozen=True)
class Provider:
    """GitHub's identity provider in IAM."""

    client_ids: frozenset[str]
    is_ours: bool
    """Whether it has the tags of the permanent layer."""


@dataclass(frozen=True)
class Zone:
    """An availability zone of the account."""

    zone_id: str
    state: str


@dataclass(frozen=True)
class Support:
    """What EKS says of a Kubernetes version."""

    status: str
    """STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED."""
    until: date | None
    """The last day of standard support."""


@dataclass(frozen=True)
class Place:
    """Where the credentials are of, and what is to be known before anything else is asked."""

    account: str | Unknown
    opt_in: str | Unknown | None
    """The region's OptInStatus; None: there is no such region."""
    region_variables: Mapping[str, str]


@dataclass(frozen=True)
class AccountFacts:
    """What is asked once an account."""

    provider: Provider | Unknown | None
    linked_roles: Mapping[str, bool | Unknown]
    """Service → whether its role is there."""
    layer: Mapping[str, bool | Unknown]
    """Part of the permanent layer → whether it is there."""


@dataclass(frozen=True)
class StackFacts:
    """What is asked for each stack."""

    people: Mapping[str, str | Unknown | None]
    """ARN of the config → that of the role of this name; None: there is none."""
    zones: Mapping[str, Zone] | Unknown
    offered: Mapping[str, frozenset[str]] | Unknown
    """Instance type → the zones that have it."""
    vcpus: Mapping[str, int] | Unknown
    """Instance type → vCPUs."""
    addons: Mapping[str, tuple[str, ...] | Unknown]
    """Add-on → the versions for the Kubernetes version, as EKS lists them."""
    support: Support | Unknown | None
    """None: EKS does not know the version."""
    limits: Mapping[Quota, int | Unknown]
    used: Mapping[Quota, int | Unknown]
    """What others than the stack use."""
    nat_gateways: Mapping[str, int] | Unknown
    """Zone → NAT gateways of others than the stack."""


@dataclass(frozen=True)
class Asker:
    """Makes the calls that `reads` declares, and no other."""

    aws: Aws

    def ask(
        self, read: Read, pick: Callable[[Any], T], *, absent: tuple[str, ...] = (), **parameters: Any
    ) -> T | Unknown | None:
        """What `pick` takes of an answer; None where AWS's error code says that there is no such thing."""
        try:
            with answered():
                try:
                    return pick(getattr(self.aws.client(read.service), read.operation)(**parameters))
                except ClientError as error:
                    if code_of(error) in absent:
                        return None
                    _name_permission(read, error)
                    raise
        except UnknownError as error:
            return Unknown(f"{read.action}: {error}")

    def must(self, read: Read, pick: Callable[[Any], T], **parameters: Any) -> T | Unknown:
        """The same of what cannot be absent."""
        found = self.ask(read, pick, **parameters)
        return Unknown(f"{read.action}: no answer") if found is None else found

    def exists(self, read: Read, *absent: str, **parameters: Any) -> bool | Unknown:
        """Whether there is such a thing."""
        found = self.ask(read, lambda _answer: True, absent=absent, **parameters)
        return False if found is None else found

    def every(self, read: Read, key: str, **parameters: Any) -> list[Any] | Unknown:
        """What an operation lists under a key, all pages of it."""
        try:
            with answered():
                try:
                    client = self.aws.client(read.service)
                    pages = client.get_paginator(read.operation).paginate(**parameters)
                    return [each for page in pages for each in page.get(key, ())]
                except ClientError as error:
                    _name_permission(read, error)
                    raise
        except UnknownError as error:
            return Unknown(f"{read.action}: {error}")

    def mapped(self, read: Read, key: str, pick: Callable[[list[Any]], T], **parameters: Any) -> T | Unknown:
        """What `pick` makes of all that an operation lists."""
        found = self.every(read, key, **parameters)
        if isinstance(found, Unknown):
            return found
        try:
            with answered():
                return pick(found)
        except UnknownError as error:
            return Unknown(f"{read.action}: {error}")


def _name_permission(read: Read, error: ClientError) -> None:
    """Raises UnknownError: the call was refused for want of a permission."""
    if code_of(error) in DENIED:
        raise UnknownError(f"{code_of(error)}: the credentials lack {read.action}") from None


def place(aws: Aws, region: str) -> Place:
    """Ask whose the credentials are, and whether the region is enabled."""
    asker = Asker(Aws(EVERYWHERE, aws.session))
    account = asker.must(reads.CALLER, lambda answer: str(answer["Account"]))
    opt_in: str | Unknown | None = Unknown("not asked")
    if not isinstance(account, Unknown):
        opt_in = asker.ask(
            reads.REGION,
            lambda answer: str(answer["Regions"][0]["OptInStatus"]),
            absent=("InvalidParameterValue",),
            RegionNames=[region],
            AllRegions=True,
        )
    variables = {name: os.environ[name] for name in REGION_VARIABLES if os.environ.get(name)}
    return Place(account, opt_in, variables)


def of_account(
    aws: Aws, settings: permanent.settings.Settings, services: Iterable[str], *, is_layer_asked: bool
) -> AccountFacts:
    """Ask what belongs to the account.

    Args:
        aws: clients of the settings' account and region.
        settings: the permanent layer's.
        services: those whose linked roles are needed.
        is_layer_asked: whether to ask for the parts of the permanent layer.
    """
    asker = Asker(aws)
    provider = asker.ask(
        reads.PROVIDER,
        _provider,
        absent=("NoSuchEntity",),
        OpenIDConnectProviderArn=names.provider_arn(settings.account_id),
    )
    linked = {each: asker.exists(reads.ROLE, "NoSuchEntity", RoleName=LINKED_ROLES[each]) for each in services}
    layer = dict(_layer(asker, settings)) if is_layer_asked else {}
    return AccountFacts(provider, linked, layer)


def _provider(answer: Any) -> Provider:
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
    is_ours = (tags.get("project"), tags.get("managed-by")) == (names.PROJECT, "pulumi")
    return Provider(frozenset(answer.get("ClientIDList", ())), is_ours)


def _layer(asker: Asker, settings: permanent.settings.Settings) -> Iterable[tuple[str, bool | Unknown]]:
    account, region = settings.account_id, settings.region
    bucket = names.state_bucket(account, region)
    yield (
        f"bucket {bucket}",
        asker.exists(reads.BUCKET, "NoSuchBucket", Bucket=bucket, MaxKeys=1, ExpectedBucketOwner=account),
    )
    yield f"key {names.STATE_KEY_ALIAS}", _listed(asker, reads.ALIASES, "Aliases", "AliasName", names.STATE_KEY_ALIAS)
    for role in (names.PREVIEW_ROLE, names.DEPLOY_ROLE, names.PUSH_ROLE):
        yield f"role {role}", asker.exists(reads.ROLE, "NoSuchEntity", RoleName=role)
    arn = names.policy_arn(account, names.BOUNDARY)
    yield f"policy {names.BOUNDARY}", asker.exists(reads.BOUNDARY, "NoSuchEntity", PolicyArn=arn)
    for cluster in settings.clusters:
        group = names.log_group(cluster)
        yield (
            f"log group {group}",
            _listed(asker, reads.LOG_GROUPS, "logGroups", "logGroupName", group, logGroupNamePrefix=group),
        )
    for repository in settings.image_repositories:
        found = asker.exists(reads.REPOSITORIES, "RepositoryNotFoundException", repositoryNames=[repository])
        yield f"image repository {repository}", found
    for name in names.SECRET_PARAMETERS:
        filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        yield f"secret {name}", _listed(asker, reads.PARAMETERS, "Parameters", "Name", name, ParameterFilters=filters)
    yield (
        f"budget {names.BUDGET}",
        asker.exists(reads.BUDGET, "NotFoundException", AccountId=account, BudgetName=names.BUDGET),
    )


def _listed(asker: Asker, read: Read, key: str, field: str, name: str, **parameters: Any) -> bool | Unknown:
    return asker.mapped(read, key, lambda found: any(each[field] == name for each in found), **parameters)


def of_stack(aws: Aws, settings: Settings) -> StackFacts:
    """Ask what a stack will meet."""
    asker = Asker(aws)
    types = quotas.instance_types(settings)
    running = _running(asker, settings.cluster_name)
    others = () if isinstance(running, Unknown) else (kind for kind, _ in running)
    vcpus = _vcpus(asker, {*types, *others})
    version = settings.kubernetes_version
    return StackFacts(
        people={arn: role_of(asker, arn.rpartition("/")[2]) for arn in settings.people},
        zones=zones_of(asker),
        offered=asker.mapped(
            reads.OFFERINGS,
            "InstanceTypeOfferings",
            _offered,
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": list(types)}],
        ),
        vcpus=vcpus,
        addons={
            addon: asker.mapped(reads.ADDON_VERSIONS, "addons", _versions, addonName=addon, kubernetesVersion=version)
            for addon in ADDONS
        },
        support=_support(asker, version),
        limits={quota: _limit(asker, quota) for quota in (*REGIONAL, NAT_GATEWAYS)},
        used={**_used_vcpus(running, vcpus), **_used(asker, settings.cluster_name)},
        nat_gateways=_nat_gateways(asker, settings.cluster_name),
    )


def role_of(asker: Asker, name: str) -> str | Unknown | None:
    """The ARN of the role of a name; None: there is none."""
    return asker.ask(reads.ROLE, lambda answer: str(answer["Role"]["Arn"]), absent=("NoSuchEntity",), RoleName=name)


def zones_of(asker: Asker) -> Mapping[str, Zone] | Unknown:
    """The availability zones that the account has in the region, by name."""
    return asker.must(
        reads.ZONES,
        lambda answer: {
            each["ZoneName"]: Zone(each["ZoneId"], each["State"])
            for each in answer["AvailabilityZones"]
            if each.get("ZoneType", "availability-zone") == "availability-zone"
        },
    )


def _offered(found: list[Any]) -> Mapping[str, frozenset[str]]:
    kinds = {each["InstanceType"] for each in found}
    return {kind: frozenset(each["Location"] for each in found if each["InstanceType"] == kind) for kind in kinds}


def _versions(addons: list[Any]) -> tuple[str, ...]:
    return tuple(version["addonVersion"] for addon in addons for version in addon["addonVersions"])


def _support(asker: Asker, version: str) -> Support | Unknown | None:
    def pick(found: list[Any]) -> list[Support]:
        return [Support(each["versionStatus"], each["endOfStandardSupportDate"].date()) for each in found]

    # An unknown version is left out of the answer, or refused.
    found = asker.mapped(reads.CLUSTER_VERSIONS, "clusterVersions", pick, clusterVersions=[version], includeAll=True)
    return found if isinstance(found, Unknown) else next(iter(found), None)


def _limit(asker: Asker, quota: Quota) -> int | Unknown:
    """The value that applies to the account, or AWS's default where nothing was ever applied."""

    def value(answer: Any) -> int:
        return int(answer["Quota"]["Value"])

    which = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    found = asker.ask(reads.QUOTA, value, absent=("NoSuchResourceException",), **which)
    return asker.must(reads.DEFAULT_QUOTA, value, **which) if found is None else found


def _used(asker: Asker, cluster: str) -> dict[Quota, int | Unknown]:
    def count(found: list[Any]) -> int:
        return len(_others(found, cluster))

    return {
        quotas.ADDRESSES: asker.must(reads.ADDRESSES, lambda answer: count(answer["Addresses"])),
        quotas.VPCS: asker.mapped(reads.VPCS, "Vpcs", count),
        quotas.INTERNET_GATEWAYS: asker.mapped(reads.INTERNET_GATEWAYS, "InternetGateways", count),
    }


def _running(asker: Asker, cluster: str) -> list[tuple[str, Quota]] | Unknown:
    """The type of each running instance of others, and the quota that counts it."""

    def pick(reservations: list[Any]) -> list[tuple[str, Quota]]:
        instances = _others([each for reservation in reservations for each in reservation["Instances"]], cluster)
        return [
            (each["InstanceType"], quotas.SPOT if each.get("InstanceLifecycle") == "spot" else quotas.ON_DEMAND)
            for each in instances
            if quotas.is_standard(each["InstanceType"])
        ]

    alive = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    return asker.mapped(reads.INSTANCES, "Reservations", pick, Filters=alive)


def _vcpus(asker: Asker, types: Iterable[str]) -> Mapping[str, int] | Unknown:
    return asker.mapped(
        reads.INSTANCE_TYPES,
        "InstanceTypes",
        lambda found: {each["InstanceType"]: int(each["VCpuInfo"]["DefaultVCpus"]) for each in found},
        Filters=[{"Name": "instance-type", "Values": sorted(types)}],
    )


def _used_vcpus(
    running: list[tuple[str, Quota]] | Unknown, vcpus: Mapping[str, int] | Unknown
) -> dict[Quota, int | Unknown]:
    """What the running instances count: the vCPUs of their type, whatever options they were launched with."""
    if isinstance(running, Unknown):
        return {quotas.ON_DEMAND: running, quotas.SPOT: running}
    if isinstance(vcpus, Unknown):
        return {quotas.ON_DEMAND: vcpus, quotas.SPOT: vcpus}
    return {
        quota: sum(vcpus.get(kind, 0) for kind, counted in running if counted is quota)
        for quota in (quotas.ON_DEMAND, quotas.SPOT)
    }


def _nat_gateways(asker: Asker, cluster: str) -> Mapping[str, int] | Unknown:
    states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
    found = asker.every(reads.NAT_GATEWAYS, "NatGateways", Filter=states)
    if isinstance(found, Unknown):
        return found
    zones = asker.mapped(
        reads.SUBNETS, "Subnets", lambda subnets: {each["SubnetId"]: each["AvailabilityZone"] for each in subnets}
    )
    if isinstance(zones, Unknown):
        return zones
    return Counter(zones[each["SubnetId"]] for each in _others(found, cluster) if each.get("SubnetId") in zones)


def _others(found: list[Any], cluster: str) -> list[Any]:
    """What is not the stack's own, which a rebuild finds in place or has deleted before."""
    return [each for each in found if not _is_of(each.get("Tags", ()), cluster)]


def _is_of(tags: Iterable[Any], cluster: str) -> bool:
    found = {tag["Key"]: tag["Value"] for tag in tags}
    return (found.get("project"), found.get("cluster")) == (names.PROJECT, cluster)
