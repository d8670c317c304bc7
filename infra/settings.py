"""The stack's config as a typed model: read once, checked whole, and frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from infra import cluster_access, config, subnet_cidrs
from infra.cluster_access import Access
from infra.config import (
    AccountId,
    ClusterName,
    HostedZoneIds,
    Model,
    PolicyArn,
    Region,
    RoleArn,
    SettingsError,
    StackModel,
)
from infra.contract import names, prices, versions

__all__ = ["Access", "NodeGroup", "Settings", "SettingsError", "load", "parse", "parse_file"]

ANYWHERE_PREFIX = 8
"""A network with a shorter prefix is taken for "anywhere": two halves of the internet are the internet."""

PRIVATE_RANGES = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
"""RFC 1918 and RFC 6598: what Amazon VPC recommends for a VPC."""

GRAVITON = re.compile(r"^[a-z]+\d+g")
"""Instance families with Arm processors carry a `g` after the generation (EC2 user guide, naming conventions)."""

BURSTABLE = re.compile(r"^t\d+[a-z]*\.")
"""Instance types that earn and spend CPU credits (EC2 user guide, "Burstable performance instances")."""

AMI_RELEASE = re.compile(r"(?P<minor>\d+\.\d+)\.\d+-\d{8}")

STACK_TAGS = ("project", "environment", "cluster", "managed-by")
OWN_TAGS_LIMIT = 40
"""AWS takes 50 tags a resource; the stack, its components and EKS have theirs."""

UP_HOURS = re.compile(
    r"(?P<first>Mon|Tue|Wed|Thu|Fri|Sat|Sun)-(?P<last>Mon|Tue|Wed|Thu|Fri|Sat|Sun) "
    r"(?P<start>[01]\d|2[0-3])-(?P<end>[01]\d|2[0-4])"
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

TAG_KEY = re.compile(r"[\w .:/=+@-]{1,128}")
TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")

NODE_GROUP_NAME_LIMIT = 36
"""A node group's name has 63 characters, of which a dash and 26 digits are the suffix that makes it unique."""

ADDON_VERSION = re.compile(r"^v(?P<minor>\d+\.\d+)\.\d+-eksbuild\.\d+$")


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{error}; allowed: an IPv4 network such as 10.0.0.0/16") from None


def _is_private(network: IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in PRIVATE_RANGES)


def _nat(value: object) -> object:
    if value == "none":
        raise ValueError("allowed: single, per-zone; without NAT Flux does not reach its repository")
    return value


Network = Annotated[IPv4Network, BeforeValidator(_network)]
EnvironmentName = Annotated[str, config.matches(r"[a-z][a-z0-9-]{0,31}", "at most 32 lower-case letters, digits and -")]
LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]


class NodeGroup(Model):
    """A managed node group: some instances of one size, from one of several types."""

    instance_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)] = (
        "t3.large",
        "t3a.large",
        "m6i.large",
        "m5.large",
    )
    """In order of preference; equal vCPU and memory. Several, because a spot pool of one type runs dry."""
    ami_type: Literal["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD"] = "AL2023_x86_64_STANDARD"
    """Amazon Linux 2023 for the processors of the instance types."""
    capacity_type: Literal["SPOT", "ON_DEMAND"] = "SPOT"
    """Spot instances cost a third, and can be taken away with two minutes' notice."""
    min_size: Annotated[int, Field(strict=True, ge=0, le=100)] = 1
    """The fewest nodes that the group may shrink to."""
    max_size: Annotated[int, Field(strict=True, ge=1, le=100)] = 3
    """The most nodes that it may grow to. By hand today, with `desiredSize`: no autoscaler runs in the cluster."""
    desired_size: Annotated[int, Field(strict=True, ge=0, le=100)] = 2
    """How many it starts with. Two, so that losing a spot instance is not an outage."""
    disk_gib: Annotated[int, Field(strict=True, ge=20, le=1024)] = 50
    """The encrypted gp3 root volume of each node, in GiB."""
    ami_release: Annotated[str, config.matches(AMI_RELEASE.pattern, "a release such as 1.36.4-20261003")] | None = None
    """The release of the nodes' AMI, of the stack's Kubernetes version. Default: the newest when nodes are built or
    renewed, so that two rebuilds may differ; a preview says which holds. Raise it with any change that renews nodes,
    such as `diskGib` or `tags`: EKS takes the newest release for a new launch template."""
    cpu_credits: Literal["unlimited", "standard"] = "unlimited"
    """What one burstable instance type (t3, t3a, t4g) does when its CPU credits are used up: cost more, or slow down.
    With several types, the account's default holds, which is `unlimited` unless it was changed."""

    @property
    def burstable_type(self) -> str | None:
        """The instance type of a group that has one, a burstable one; else None.

        Only such a group can name its CPU credits: EC2 refuses them for other types, and pulumi-aws sends them only
        with the instance type in the same launch template, which takes one type. Source: terraform-provider-aws,
        aws_launch_template, and EKS user guide, "Customize managed nodes with launch templates".
        """
        return _one_burstable(self.instance_types)

    @field_validator("instance_types")
    @classmethod
    def _are_instance_types(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for instance_type in value:
            if not re.fullmatch(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", instance_type):
                raise ValueError(f"{instance_type!r} is not an instance type; allowed: names such as t3.large")
        return value

    @field_validator("ami_type")
    @classmethod
    def _fits_processors(cls, value: str, info: ValidationInfo) -> str:
        arm = "ARM_64" in value
        for instance_type in info.data.get("instance_types", ()):
            if bool(GRAVITON.match(instance_type)) is not arm:
                raise ValueError(f"does not run on {instance_type}; allowed: the AMI type of its processor")
        return value

    @field_validator("cpu_credits")
    @classmethod
    def _fits_the_types(cls, value: str, info: ValidationInfo) -> str:
        types: tuple[str, ...] = info.data.get("instance_types", ())
        if value == "standard" and types and not _one_burstable(types):
            raise ValueError("allowed: unlimited, or one burstable instance type such as t3.large")
        return value

    @field_validator("desired_size")
    @classmethod
    def _is_between(cls, value: int, info: ValidationInfo) -> int:
        low, high = info.data.get("min_size"), info.data.get("max_size")
        if low is not None and high is not None and not low <= value <= high:
            raise ValueError(f"allowed: minSize to maxSize, {low} to {high}")
        return value


class Settings(StackModel):
    """The config of one stack. Fields are in the order in which they are checked: each may look at those above it."""

    namespace: ClassVar[str] = names.PROJECT

    environment: EnvironmentName
    """What the stack is, in tags and manifests. Default: the stack's name."""
    cluster_name: ClusterName = Field(default_factory=lambda above: above["environment"])
    """The EKS cluster; the log group, IAM paths and manifests quote its name. Default: the environment."""
    account_id: AccountId
    """The AWS account. The provider refuses to work in any other."""
    region: Region = "eu-west-2"
    """The AWS region."""
    zones: tuple[str, ...] = Field(default_factory=lambda above: tuple(f"{above['region']}{letter}" for letter in "ab"))
    """Availability zones, pinned so that no preview has to ask. Two or more. Default: the region's a and b."""
    vpc_cidr: Network = IPv4Network("10.0.0.0/16")
    """The VPC's addresses, a private range between /16 and /19; subnets are computed from it."""
    service_cidr: Network = IPv4Network("172.20.0.0/16")
    """The addresses of Kubernetes Services, between /12 and /24, apart from the VPC's."""
    nat_strategy: Annotated[Literal["single", "per-zone"], BeforeValidator(_nat)] = "single"
    """One NAT gateway, or one a zone. None is not offered: Flux pulls from the internet."""
    endpoint_access: Literal["public", "private"] = "private"
    """Whether the Kubernetes API is reachable from outside the VPC as well. `private` needs a runner inside it."""
    endpoint_public_cidrs: tuple[Network, ...] = ()
    """Who may reach a public endpoint. GitHub-hosted runners have no fixed addresses: 0.0.0.0/0, acknowledged."""
    endpoint_anywhere_acknowledged: bool = False
    """Says that 0.0.0.0/0 in endpointPublicCidrs is meant: IAM alone then guards the Kubernetes API."""
    ingress_cidrs: tuple[Network, ...] = ()
    """Who may reach the applications' load balancers. Public networks make them internet-facing, private ones internal.
    Default: the VPC alone."""
    ingress_anywhere_acknowledged: bool = False
    """Says that 0.0.0.0/0 in ingressCidrs is meant: applications are then open to the internet."""
    kubernetes_version: str = versions.KUBERNETES_DEFAULT
    """A minor version in standard support."""
    addon_versions: Mapping[str, str] = Field(default_factory=dict[str, str])
    """Add-on → version, where it departs from the pins; all of them when kubernetesVersion is not that of the pins."""
    node_groups: Mapping[str, NodeGroup] = {"default": NodeGroup()}
    """Name → managed node group."""
    node_session_manager: bool = False
    """Lets people open shells on nodes with Session Manager (AmazonSSMManagedInstanceCore on the node role)."""
    jump_box: bool = False
    """An instance that reaches the Kubernetes API from inside the VPC, for people: Session Manager forwards a port
    through it."""
    cluster_admins: tuple[RoleArn, ...] = ()
    """Role ARNs that administer the cluster, in addition to the deploy role."""
    cluster_viewers: tuple[Access, ...] = ()
    """Roles that may read the cluster, its Secrets excepted (AmazonEKSViewPolicy)."""
    cluster_editors: tuple[Access, ...] = ()
    """Roles that may read and change what is in namespaces, Secrets included (AmazonEKSEditPolicy). Name namespaces: in
    the whole cluster such a role can read Flux's token, and so become more than an editor (docs/security.md)."""
    control_plane_logs: tuple[LogType, ...] = ("api", "audit", "authenticator")
    """What EKS writes to the cluster's log group."""
    nightly_teardown: bool = True
    """Whether nightly-destroy destroys the stack each night. `false` keeps it up, at several times the cost: previews
    and rebuilds say how much."""
    up_hours: Annotated[str, config.matches(UP_HOURS.pattern, "days and hours such as Mon-Fri 08-20")] = "Mon-Fri 08-20"
    """The days and hours at which the stack is up, for the cost of a month in `fleet cost` and in reports of pull
    requests. Nothing is built or destroyed by it."""
    deletion_protection: bool = False
    """Makes the engine and AWS refuse to delete the cluster, so for a stack that is not destroyed every night."""
    permissions_boundary: PolicyArn = Field(
        default_factory=lambda above: names.policy_arn(above["account_id"], names.BOUNDARY)
    )
    """The ARN of a policy that bounds every role of the stack. Default: that of the permanent layer, without which the
    deploy role makes no role."""
    hosted_zone_ids: HostedZoneIds = ()
    """Route 53 hosted zones of the account. The teardown lists their records that point at a load balancer of the
    cluster that no longer exists, and deletes none. The deploy role may read the zones that
    `infra-fleet-permanent:hostedZoneIds` lists: add each one there too."""
    tags: Mapping[str, str] = Field(default_factory=dict[str, str])
    """Further tags on everything that can carry them."""

    @property
    def hours_a_month(self) -> float:
        """How many hours of a month it is up: all of them without a nightly teardown."""
        return hours_a_month(self.up_hours) if self.nightly_teardown else prices.HOURS_A_MONTH

    @property
    def people(self) -> tuple[str, ...]:
        """The ARNs of the roles that EKS is told of, which must be there first: of people, not of the stack's own."""
        below = (access.role for access in (*self.cluster_viewers, *self.cluster_editors))
        return tuple(dict.fromkeys((*self.cluster_admins, *below)))

    @property
    def applications_open_to(self) -> tuple[IPv4Network, ...]:
        """Who may reach the applications' load balancers."""
        return self.ingress_cidrs or (self.vpc_cidr,)

    @property
    def ingress_scheme(self) -> Literal["internal", "internet-facing"]:
        """The load balancers' scheme: an internet-facing one has public addresses, at which private networks are not
        seen as themselves."""
        return "internal" if all(map(_is_private, self.applications_open_to)) else "internet-facing"

    @property
    def load_balancer_cidr(self) -> IPv4Network:
        """Where load balancers send from: the public subnets."""
        return subnet_cidrs.edge(self.vpc_cidr)

    @property
    def availability_plan(self) -> tuple[subnet_cidrs.ZoneSubnets, ...]:
        """The subnets of each zone."""
        return subnet_cidrs.plan(self.vpc_cidr, self.zones)

    @property
    def all_tags(self) -> dict[str, str]:
        """What the provider puts on everything that can carry tags."""
        own = (names.PROJECT, self.environment, self.cluster_name, "pulumi")
        return {**self.tags, **dict(zip(STACK_TAGS, own, strict=True))}

    def addon_version(self, addon: str) -> str:
        """The version of an add-on: the config's, else the pin."""
        return self.addon_versions.get(addon) or versions.ADDONS[addon].pin

    @model_validator(mode="before")
    @classmethod
    def _is_named_after_the_stack(cls, values: dict[str, object], info: ValidationInfo) -> dict[str, object]:
        return {"environment": info.context, **values}

    @field_validator("zones")
    @classmethod
    def _are_of_the_region(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region = info.data.get("region")
        for zone in value:
            if region is not None and not re.fullmatch(f"{region}[{subnet_cidrs.LETTERS}]", zone):
                raise ValueError(f"{zone!r} is not a zone of {region}; allowed: {region}a, {region}b, …")
        if not 2 <= len(set(value)) == len(value):
            raise ValueError("allowed: two or more different zones, since EKS wants subnets in two")
        return value

    @field_validator("vpc_cidr")
    @classmethod
    def _holds_the_subnets(cls, value: IPv4Network) -> IPv4Network:
        if not subnet_cidrs.LARGEST_PREFIX <= value.prefixlen <= subnet_cidrs.SMALLEST_PREFIX:
            size = "small" if value.prefixlen > subnet_cidrs.SMALLEST_PREFIX else "large"
            raise ValueError(
                f"too {size}; allowed: between /{subnet_cidrs.LARGEST_PREFIX} and /{subnet_cidrs.SMALLEST_PREFIX}"
            )
        if not _is_private(value):
            raise ValueError(f"not private; allowed: part of {', '.join(map(str, PRIVATE_RANGES))}")
        return value

    @field_validator("service_cidr")
    @classmethod
    def _is_apart_from_the_vpc(cls, value: IPv4Network, info: ValidationInfo) -> IPv4Network:
        # EKS API reference, KubernetesNetworkConfigRequest.serviceIpv4Cidr: RFC 1918, between /24 and /12.
        if not 12 <= value.prefixlen <= 24 or not any(value.subnet_of(private) for private in PRIVATE_RANGES[:3]):
            raise ValueError("allowed: a private range between /12 and /24")
        vpc = info.data.get("vpc_cidr")
        if vpc is not None and value.overlaps(vpc):
            raise ValueError(f"overlaps vpcCidr {vpc}; allowed: a range apart from it")
        return value

    @field_validator("endpoint_public_cidrs")
    @classmethod
    def _fit_the_access(cls, value: tuple[IPv4Network, ...], info: ValidationInfo) -> tuple[IPv4Network, ...]:
        access = info.data.get("endpoint_access")
        if access == "public" and not value:
            raise ValueError("endpointAccess is public; allowed: at least one CIDR")
        if access == "private" and value:
            raise ValueError("endpointAccess is private; allowed: none")
        for cidr in value:
            # EKS API reference, VpcConfigRequest.publicAccessCidrs: no reserved addresses.
            if _is_private(cidr):
                raise ValueError(f"{cidr} is private; allowed: public networks, the VPC reaches the API anyway")
        return value

    @field_validator("ingress_cidrs")
    @classmethod
    def _are_of_one_scheme(cls, value: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
        private, public = [[cidr for cidr in value if _is_private(cidr) is wanted] for wanted in (True, False)]
        if private and public:
            raise ValueError(
                f"{private[0]} is private and {public[0]} is public; allowed: private networks alone, for an internal "
                "load balancer, or public ones alone, for one that faces the internet"
            )
        return value

    @field_validator("endpoint_anywhere_acknowledged", "ingress_anywhere_acknowledged")
    @classmethod
    def _covers_anywhere(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  # pydantic passes the value
        cidrs = "endpoint_public_cidrs" if info.field_name == "endpoint_anywhere_acknowledged" else "ingress_cidrs"
        wide = [cidr for cidr in info.data.get(cidrs, ()) if cidr.prefixlen < ANYWHERE_PREFIX]
        if wide and not value:
            raise ValueError(f"{to_camel(cidrs)} has {wide[0]}; allowed: true, when that is meant")
        return value

    @field_validator("kubernetes_version")
    @classmethod
    def _is_offered(cls, value: str) -> str:
        if value not in versions.KUBERNETES:
            raise ValueError(f"allowed: {', '.join(versions.KUBERNETES)}, in quotes")
        return value

    @field_validator("addon_versions")
    @classmethod
    def _fit_kubernetes(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        kubernetes = info.data.get("kubernetes_version")
        for addon, version in value.items():
            _check_addon(addon, version, kubernetes)
        unpinned = [
            addon for addon, pin in versions.ADDONS.items() if pin.kubernetes != kubernetes and addon not in value
        ]
        if kubernetes is not None and unpinned:
            raise ValueError(
                f"no pins for Kubernetes {kubernetes}; allowed: a version for each of {', '.join(unpinned)}"
            )
        return value

    @field_validator("node_groups")
    @classmethod
    def _have_names(cls, value: Mapping[str, NodeGroup]) -> Mapping[str, NodeGroup]:
        if not any(group.desired_size for group in value.values()):
            raise ValueError("allowed: at least one node group with a desired node, or add-ons never become healthy")
        for name in value:
            if not re.fullmatch(rf"[a-z][a-z0-9-]{{0,{NODE_GROUP_NAME_LIMIT - 1}}}", name):
                raise ValueError(
                    f"{name!r}; allowed: names of at most {NODE_GROUP_NAME_LIMIT} lower-case letters, digits, -"
                )
        return value

    @field_validator("node_groups")
    @classmethod
    def _run_the_stacks_kubernetes(
        cls, value: Mapping[str, NodeGroup], info: ValidationInfo
    ) -> Mapping[str, NodeGroup]:
        kubernetes = info.data.get("kubernetes_version")
        for name, group in value.items():
            found = AMI_RELEASE.fullmatch(group.ami_release or "")
            if kubernetes is not None and found and found["minor"] != kubernetes:
                raise ValueError(
                    f"{name}.amiRelease {group.ami_release} is of another minor; allowed: {kubernetes}.x-<date>"
                )
        return value

    @field_validator("cluster_admins")
    @classmethod
    def _differ(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        found = [names.role_name(arn) for arn in value]
        cluster_access.check_account(value, info.data.get("account_id"))
        if names.DEPLOY_ROLE in found or len(set(found)) < len(found):
            raise ValueError(f"allowed: each role once, and not {names.DEPLOY_ROLE}, which is an administrator already")
        return value

    @field_validator("cluster_viewers", "cluster_editors")
    @classmethod
    def _are_below_administrators(cls, value: tuple[Access, ...], info: ValidationInfo) -> tuple[Access, ...]:
        arns = [access.role for access in value]
        cluster_access.check_account(arns, info.data.get("account_id"))
        cluster_access.check_below_administrators(arns, info.data.get("cluster_admins", ()))
        cluster_access.check_same_role(arns, [viewer.role for viewer in info.data.get("cluster_viewers", ())])
        return value

    @field_validator("up_hours")
    @classmethod
    def _is_some_time(cls, value: str) -> str:
        if not hours_a_month(value):
            raise ValueError("ends before it begins; allowed: days and hours such as Mon-Fri 08-20")
        return value

    @field_validator("tags")
    @classmethod
    def _are_tags(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        # AWS tagging guide: 50 tags a resource, keys of 1 to 128 and values of at most 256 characters, aws: reserved.
        # IAM takes keys that differ in case alone for one.
        if len(value) > OWN_TAGS_LIMIT:
            raise ValueError(f"{len(value)} tags; allowed: at most {OWN_TAGS_LIMIT}, in addition to the stack's own")
        for key, text in value.items():
            if not TAG_KEY.fullmatch(key) or key.lower().startswith("aws:") or not TAG_VALUE.fullmatch(text):
                raise ValueError(
                    f"{key}: {text!r}; allowed: keys of 1 to 128 characters without aws:, values of at most 256, "
                    "of letters, digits, spaces and _.:/=+-@"
                )
        folded = [key.lower() for key in (*value, *STACK_TAGS)]
        if len(set(folded)) < len(folded):
            raise ValueError(f"allowed: keys that differ in more than case, and none of {', '.join(STACK_TAGS)}")
        return value


def _one_burstable(types: Sequence[str]) -> str | None:
    """The one instance type of a list that has one, if it is burstable."""
    return types[0] if len(types) == 1 and BURSTABLE.match(types[0]) else None


def _check_addon(addon: str, version: str, kubernetes: str | None) -> None:
    pin = versions.ADDONS.get(addon)
    if pin is None:
        raise ValueError(f"{addon!r} is not an add-on of the stack; allowed: {', '.join(versions.ADDONS)}")
    found = ADDON_VERSION.match(version)
    if not found:
        raise ValueError(f"{addon} {version!r}; allowed: versions such as {pin.pin}")
    if kubernetes is None:
        return
    # Kubernetes version skew policy: kube-proxy is not newer than the API server; EKS builds it for each minor.
    if addon == "kube-proxy" and found["minor"] != kubernetes:
        raise ValueError(f"kube-proxy {version} is of another minor; allowed: v{kubernetes}.x")


def hours_a_month(up_hours: str) -> float:
    """The hours of a month, of which one has 52 / 12 weeks, that are within days and hours such as `Mon-Fri 08-20`."""
    found = UP_HOURS.fullmatch(up_hours)
    if found is None:
        raise ValueError(f"{up_hours!r} is not of the form Mon-Fri 08-20")
    days = (DAYS.index(found["last"]) - DAYS.index(found["first"])) % len(DAYS) + 1
    return days * max(0, int(found["end"]) - int(found["start"])) * 52 / 12


def parse(values: Mapping[str, object], stack: str) -> Settings:
    """Check a stack's config, keys without namespace. Raises SettingsError, with one line for each problem."""
    return config.parse(Settings, values, stack)


def parse_file(values: Mapping[str, object], stack: str) -> Settings:
    """Check the config of a stack file, keys with namespace. Raises SettingsError, which names the file."""
    return config.parse_file(Settings, values, stack)


def load() -> Settings:
    """Check the config that the engine hands to the program. Raises pulumi.RunError, which lists the problems."""
    return config.load(Settings)
