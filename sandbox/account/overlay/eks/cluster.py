"""Clusters: create, describe, list, update, delete.

Source of rules, defaults and messages: EKS API reference, operation of the same name; the service's own replies.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING

from moto.ec2.exceptions import InvalidSubnetIdError

from infra.contract.zones import REFUSED_BY_EKS
from sandbox.account.overlay.dependencies import is_group_in_use
from sandbox.account.overlay.eks import access, control_plane, errors, status, updates, versions
from sandbox.account.overlay.eks.backend import Cluster, given, page, trusts

if TYPE_CHECKING:
    from moto.ec2.models.subnets import Subnet

    from sandbox.account.overlay.eks.backend import Call, Document, Eks, Operations

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
AUTHENTICATION_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
"""A cluster moves through them in this order only."""

AS_GIVEN = ("encryptionConfig", "zonalShiftConfig", "remoteNetworkConfig", "controlPlaneScalingConfig")
ENDPOINT_ACCESS = ("endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs")
NETWORK = ("subnetIds", "securityGroupIds")
SINGLE_MEMBER_UPDATES = {
    "upgradePolicy": "UpgradePolicyUpdate",
    "deletionProtection": "DeletionProtectionUpdate",
    "zonalShiftConfig": "ZonalShiftConfigUpdate",
    "remoteNetworkConfig": "RemoteNetworkConfigUpdate",
    "controlPlaneScalingConfig": "ControlPlaneScalingConfigUpdate",
}


def create_cluster(call: Call) -> Document:
    """CreateCluster."""
    eks, request = call.eks, call.request
    version = request.get("version") or versions.DEFAULT
    refuse_existing_name(eks, request["name"])
    versions.refuse_unsupported_minor(version)
    refuse_unassumable_role(eks, request["roleArn"])
    network = request["resourcesVpcConfig"]
    subnets = known_subnets(eks, network["subnetIds"])
    refuse_single_zone(subnets)
    refuse_unsupported_zone(eks, request["name"], subnets)

    taken = {each.document["endpoint"] for each in eks.clusters.values()}
    plane = control_plane.provision(eks.region_name, taken)
    access_config = {
        "authenticationMode": "CONFIG_MAP",
        "bootstrapClusterCreatorAdminPermissions": True,
        **request.get("accessConfig", {}),
    }
    cluster = Cluster(
        {
            **given(request, *AS_GIVEN),
            "name": request["name"],
            "arn": eks.arn(f"cluster/{request['name']}"),
            "createdAt": datetime.now(UTC),
            "version": version,
            "platformVersion": versions.PLATFORM_VERSION,
            "endpoint": plane.endpoint,
            "certificateAuthority": {"data": plane.certificate_authority},
            "identity": {"oidc": {"issuer": plane.issuer}},
            "roleArn": request["roleArn"],
            "resourcesVpcConfig": {
                "securityGroupIds": [],
                "endpointPublicAccess": True,
                "endpointPrivateAccess": False,
                "publicAccessCidrs": ["0.0.0.0/0"],
                **network,
                "vpcId": subnets[0].vpc_id,
                "clusterSecurityGroupId": create_security_group(eks, request["name"], subnets[0].vpc_id),
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": service_cidr(eks, subnets[0].vpc_id),
                "ipFamily": "ipv4",
                "elasticLoadBalancing": {"enabled": False},
                **request.get("kubernetesNetworkConfig", {}),
            },
            "logging": logging(enabled_logs(request.get("logging"), set())),
            "accessConfig": access_config,
            "upgradePolicy": request.get("upgradePolicy") or {"supportType": "EXTENDED"},
            "deletionProtection": request.get("deletionProtection", False),
            "health": {"issues": []},
            "tags": dict(request.get("tags", {})),
        }
    )
    eks.clusters[cluster.name] = cluster
    own_group = cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"]
    for subnet in subnets:
        eks.ec2.lend_interface(subnet.id, [own_group], interfaces_of(cluster))
    if access_config["bootstrapClusterCreatorAdminPermissions"]:
        access.make_admin(eks, cluster, eks.principal(call.access_key))
    return {"cluster": status.present(cluster.document)}


def describe_cluster(call: Call) -> Document:
    """DescribeCluster."""
    return {"cluster": status.present(call.cluster.document)}


def list_clusters(call: Call) -> Document:
    """ListClusters."""
    return page("clusters", list(call.eks.clusters), call.request)


def delete_cluster(call: Call) -> Document:
    """DeleteCluster: its add-ons, access entries and associations go with it, its interfaces and security group too.

    The group stays behind where something else uses it (aws-k8s-tester, internal/deployers/eksapi/deployer.go).
    """
    cluster = call.cluster
    refuse_protected(cluster)
    refuse_nodegroups(cluster)
    if not status.lingers(cluster.document):
        remove(call.eks, cluster)
    return {"cluster": status.deleted(cluster.document)}


def remove(eks: Eks, cluster: Cluster) -> None:
    """It is gone, with all that it had."""
    del eks.clusters[cluster.name]
    group_id = cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"]
    eks.ec2.take_interfaces_back(interfaces_of(cluster))
    if eks.ec2.get_security_group_from_id(group_id) and not is_group_in_use(eks.ec2, group_id):
        eks.ec2.delete_security_group(group_id=group_id)


def update_cluster_config(call: Call) -> Document:
    """UpdateClusterConfig: one kind of change a call; what it does not name stays."""
    cluster, request = call.cluster, call.request
    kind = kind_of_update(request)
    if kind == "LoggingUpdate":
        changes = {"logging": logging(enabled_logs(request["logging"], set(logs_of(cluster))))}
    elif kind in ("EndpointAccessUpdate", "VpcConfigUpdate"):
        if "subnetIds" in request["resourcesVpcConfig"]:
            subnets = known_subnets(call.eks, request["resourcesVpcConfig"]["subnetIds"])
            refuse_single_zone(subnets)
            refuse_other_vpc(cluster, {subnet.vpc_id for subnet in subnets})
        changes = {"resourcesVpcConfig": cluster.document["resourcesVpcConfig"] | request["resourcesVpcConfig"]}
    elif kind == "AccessConfigUpdate":
        mode = request["accessConfig"]["authenticationMode"]
        refuse_step_back(cluster.document["accessConfig"]["authenticationMode"], mode)
        changes = {"accessConfig": cluster.document["accessConfig"] | {"authenticationMode": mode}}
    else:
        changes = given(request, *SINGLE_MEMBER_UPDATES)
    refuse_no_change(cluster, changes)
    cluster.document |= changes
    params = given(request, "resourcesVpcConfig").get("resourcesVpcConfig") or changes
    return updates.record(cluster, kind, {name[0].upper() + name[1:]: value for name, value in params.items()})


def kind_of_update(request: Document) -> str:
    """The update's type; InvalidParameterException unless the request asks for exactly one."""
    network = request.get("resourcesVpcConfig", {})
    kinds = [kind for member, kind in SINGLE_MEMBER_UPDATES.items() if member in request]
    kinds += ["LoggingUpdate"] if "logging" in request else []
    kinds += ["AccessConfigUpdate"] if "accessConfig" in request else []
    kinds += ["EndpointAccessUpdate"] if network.keys() & set(ENDPOINT_ACCESS) else []
    kinds += ["VpcConfigUpdate"] if network.keys() & set(NETWORK) else []
    if not kinds:
        raise errors.invalid_parameter("Invalid type for cluster update.", clusterName=request["name"])
    if len(kinds) > 1:
        raise errors.invalid_parameter("Only one type of update can be allowed.", clusterName=request["name"])
    return kinds[0]


def update_cluster_version(call: Call) -> Document:
    """UpdateClusterVersion: to the next minor."""
    cluster, version = call.cluster, call.request["version"]
    versions.refuse_unsupported_minor(version)
    refuse_skipped_minor(cluster.document["version"], version)
    refuse_nodes_left_behind(cluster, version)
    cluster.document["version"] = version
    return updates.record(cluster, "VersionUpdate", {"Version": version, "PlatformVersion": versions.PLATFORM_VERSION})


def interfaces_of(cluster: Cluster) -> str:
    """How the control plane's interfaces are described (EKS user guide, "Networking requirements")."""
    return f"Amazon EKS {cluster.name}"


def create_security_group(eks: Eks, cluster: str, vpc_id: str) -> str:
    """The group of the control plane's interfaces and of managed nodes; returns its id."""
    name = f"eks-cluster-sg-{cluster}-{secrets.randbelow(10**10)}"
    group = eks.ec2.create_security_group(
        name,
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
        "as well as any managed workloads.",
        vpc_id=vpc_id,
        tags={"Name": name, f"kubernetes.io/cluster/{cluster}": "owned", "aws:eks:cluster-name": cluster},
    )
    eks.ec2.allow_within(group.id)
    return group.id


def service_cidr(eks: Eks, vpc_id: str) -> str:
    """The one of EKS's two ranges for Services that does not overlap the VPC's."""
    first, second = "10.100.0.0/16", "172.20.0.0/16"
    return second if ip_network(eks.ec2.get_vpc(vpc_id).cidr_block).overlaps(ip_network("10.0.0.0/8")) else first


def known_subnets(eks: Eks, subnet_ids: list[str]) -> list[Subnet]:
    """The subnets; InvalidParameterException for one that is not there."""
    try:
        return [eks.ec2.get_subnet(subnet_id) for subnet_id in subnet_ids]
    except InvalidSubnetIdError as error:
        raise errors.invalid_parameter(
            f"{error.message} (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)"
        ) from None


def logs_of(cluster: Cluster) -> list[str]:
    """The control plane logs that are on."""
    return [
        kind for setup in cluster.document["logging"]["clusterLogging"] if setup["enabled"] for kind in setup["types"]
    ]


def enabled_logs(request: Document | None, enabled: set[str]) -> set[str]:
    """The logs that are on after a request that names some, when `enabled` were before."""
    for setup in (request or {}).get("clusterLogging", []):
        enabled = enabled | set(setup["types"]) if setup.get("enabled") else enabled - set(setup["types"])
    return enabled


def logging(enabled: set[str]) -> Document:
    """The logging structure: every type, either on or off."""
    on = [kind for kind in LOG_TYPES if kind in enabled]
    off = [kind for kind in LOG_TYPES if kind not in enabled]
    setups = [{"types": on, "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def refuse_existing_name(eks: Eks, name: str) -> None:
    """ResourceInUseException for a name that is taken."""
    if name in eks.clusters:
        raise errors.in_use(f"Cluster already exists with name: {name}", clusterName=name)


def refuse_unassumable_role(eks: Eks, arn: str) -> None:
    """InvalidParameterException for a role that is not there or that EKS may not assume."""
    role = eks.role(arn)
    if role is None or not trusts(role, "eks.amazonaws.com"):
        raise errors.invalid_parameter(
            f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
        )


def refuse_single_zone(subnets: list[Subnet]) -> None:
    """InvalidParameterException for subnets that are all in one zone."""
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise errors.invalid_parameter("Subnets specified must be in at least two different AZs")


def refuse_unsupported_zone(eks: Eks, name: str, subnets: list[Subnet]) -> None:
    """UnsupportedAvailabilityZoneException for a subnet in a zone where EKS has no room for a control plane."""
    zones = {zone.name: zone.zone_id for zone in eks.ec2.describe_availability_zones()}
    supported = [zone for zone, zone_id in zones.items() if zone_id not in REFUSED_BY_EKS]
    for zone in (subnet.availability_zone for subnet in subnets):
        if zone not in supported:
            raise errors.unsupported_zone(
                f"Cannot create cluster '{name}' because {zone}, the targeted availability zone, does not currently "
                "have sufficient capacity to support the cluster. Retry and choose from these availability zones: "
                f"{', '.join(supported)}"
            )


def refuse_step_back(current: str, wanted: str) -> None:
    """InvalidRequestException for an authentication mode that comes before the current one."""
    if AUTHENTICATION_MODES.index(wanted) < AUTHENTICATION_MODES.index(current):
        raise errors.invalid_request(f"Unsupported authentication mode update from {current} to {wanted}")


def refuse_skipped_minor(current: str, wanted: str) -> None:
    """InvalidParameterException for a minor that is not the one after the current, or that is before it."""
    if versions.number(wanted) != versions.number(current) + 1:
        raise errors.invalid_parameter(f"Unsupported Kubernetes minor version update from {current} to {wanted}")


def refuse_nodes_left_behind(cluster: Cluster, version: str) -> None:
    """InvalidRequestException for a control plane that would leave a node group more than three minors behind it.

    Source of the rule: EKS user guide, "Update existing cluster to new Kubernetes version"; the words are our own.
    """
    for name, nodegroup in cluster.nodegroups.items():
        if versions.number(version) - versions.number(nodegroup["version"]) > versions.MOST_BEHIND:
            raise errors.invalid_request(
                f"Nodegroup {name} is at Kubernetes version {nodegroup['version']}, more than {versions.MOST_BEHIND} "
                f"minor versions behind {version}: update it first",
                clusterName=cluster.name,
            )


def refuse_no_change(cluster: Cluster, changes: Document) -> None:
    """InvalidParameterException for an update to what is there already."""
    if all(cluster.document.get(member) == value for member, value in changes.items()):
        raise errors.invalid_parameter(
            f"Cluster is already at the desired configuration with {changes}", clusterName=cluster.name
        )


def refuse_protected(cluster: Cluster) -> None:
    """A protected cluster is not deleted (EKS user guide, "Protect EKS clusters from accidental deletion")."""
    if cluster.document["deletionProtection"]:
        raise errors.invalid_request(
            f"Cluster {cluster.name} has deletion protection enabled", clusterName=cluster.name
        )


def refuse_other_vpc(cluster: Cluster, vpc_ids: set[str]) -> None:
    """A cluster stays in its VPC (EKS user guide, "Update the subnets of a cluster")."""
    vpc_id = cluster.document["resourcesVpcConfig"]["vpcId"]
    if vpc_ids != {vpc_id}:
        raise errors.invalid_parameter(
            f"Subnets specified must belong to the VPC of the cluster, {vpc_id}", clusterName=cluster.name
        )


def refuse_nodegroups(cluster: Cluster) -> None:
    """ResourceInUseException for a cluster that has node groups."""
    if cluster.nodegroups:
        raise errors.in_use("Cluster has nodegroups attached", clusterName=cluster.name)


OPERATIONS: Operations = {
    "CreateCluster": create_cluster,
    "DescribeCluster": describe_cluster,
    "ListClusters": list_clusters,
    "DeleteCluster": delete_cluster,
    "UpdateClusterConfig": update_cluster_config,
    "UpdateClusterVersion": update_cluster_version,
}
