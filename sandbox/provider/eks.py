"""The rows of EKS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ProviderError
from .mapping import pick
from .names import AutoName
from .property_checks import boolean, cidr, each, one_of
from .row import Key, Property, Resource, Response, Row, Status, Step, Tagging, assigned, joined
from .same import as_json, as_set
from .shape import Located
from .values import as_list, as_map

if TYPE_CHECKING:
    from collections.abc import Callable


def _tagged(member: str) -> Tagging:
    """EKS tags by ARN, which describing a resource tells in `member`."""

    def arn(r: Resource) -> str:
        return str((r.row.read(r) or {})[member])

    def tag(r: Resource, tags: dict[str, str]) -> None:
        r.call("TagResource", resourceArn=arn(r), tags=tags)

    def untag(r: Resource, keys: list[str]) -> None:
        r.call("UntagResource", resourceArn=arn(r), tagKeys=keys)

    return Tagging(create=lambda tags: {"tags": Located("tags", tags)}, tag=tag, untag=untag)


def _described(operation: str, member: str) -> Callable[[Resource], Response | None]:
    return lambda r: r.ask(operation)[member]


def _issues(health: str) -> Callable[[Response], str]:
    """AWS's reasons, from the issues that a description lists."""

    def reasons(found: Response) -> str:
        issues: list[Response] = as_list(pick(found, f"{health}.issues"))
        return "; ".join(f"{issue.get('code')}: {issue.get('message', 'no message')}" for issue in issues)

    return reasons


def _finished(r: Resource, response: Response, **of: str) -> None:
    """Wait until the update that a call started is successful. Raises ProviderError with AWS's reasons if it fails."""
    update: Response = response["update"]

    def look() -> tuple[bool, str]:
        now: Response = r.call("DescribeUpdate", name=r["clusterName"] or r.id, updateId=update["id"], **of)["update"]
        if now["status"] in {"Failed", "Cancelled"}:
            errors = "; ".join(f"{error['errorCode']}: {error['errorMessage']}" for error in now.get("errors", []))
            raise ProviderError(f"the update {now['type']} of {r.id} is {now['status']}: {errors}")
        return now["status"] == "Successful", now["status"]

    r.wait(f"the update {update['type']} of {r.id}", look)


def _cluster_update(*properties: str, operation: str = "UpdateClusterConfig") -> Step:
    """One update of a cluster: EKS takes one kind of change a call."""
    return Step(
        properties,
        operation,
        run=lambda r: _finished(r, r.send(operation, *properties)),
        computes=("platformVersion",) if operation == "UpdateClusterVersion" else (),
    )


LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(types: Any) -> dict[str, Any]:
    """Each type is on or off: EKS leaves one that is not named as it is."""
    off = [name for name in LOG_TYPES if name not in types]
    setups = [{"types": types, "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def _enabled(logging: Any) -> list[str]:
    return [name for setup in logging["clusterLogging"] if setup["enabled"] for name in setup["types"]]


def _read_cluster(r: Resource) -> Response | None:
    cluster: Response = r.ask("DescribeCluster")["cluster"]
    issuer = pick(cluster, "identity.oidc.issuer")
    return cluster | {"identities": [{"oidcs": [{"issuer": issuer}]}] if issuer else []}


CLUSTER = Row(
    type="aws:eks/cluster:Cluster",
    service="eks",
    cloudformation="AWS::EKS::Cluster",
    key=joined(":", "name"),
    name=AutoName("name", 100),
    properties={
        "name": Property(replaces=True),
        "version": Property(computed=True),
        "roleArn": Property(replaces=True),
        "accessConfig": Property(
            computed=True,
            fields={
                "authenticationMode": Property(computed=True),
                "bootstrapClusterCreatorAdminPermissions": Property(replaces=True, hidden=True),
            },
        ),
        "bootstrapSelfManagedAddons": Property(replaces=True, default=True, hidden=True),
        "enabledClusterLogTypes": Property(member="logging", same=as_set, encode=_logging, decode=_enabled, removed=()),
        "upgradePolicy": Property(computed=True, fields={"supportType": Property(computed=True)}),
        "deletionProtection": Property(computed=True),
        "kubernetesNetworkConfig": Property(
            computed=True,
            fields={"serviceIpv4Cidr": Property(replaces=True, computed=True, check=cidr(12, 24))},
        ),
        "vpcConfig": Property(
            member="resourcesVpcConfig",
            fields={
                "subnetIds": Property(required=True, same=as_set),
                "securityGroupIds": Property(same=as_set),
                "endpointPrivateAccess": Property(default=False),
                "endpointPublicAccess": Property(default=True),
                "publicAccessCidrs": Property(same=as_set, computed=True, check=each(cidr(0, 32))),
                "clusterSecurityGroupId": Property(computed=True, told=True),
                "vpcId": Property(computed=True, told=True),
            },
        ),
    },
    outputs={
        "arn": Property(),
        "endpoint": Property(),
        "certificateAuthority": Property(fields={"data": Property()}),
        "identities": Property(many=True, fields={"oidcs": Property(many=True, fields={"issuer": Property()})}),
        "platformVersion": Property(),
        "status": Property(),
        "createdAt": Property(),
    },
    create="CreateCluster",
    read=_read_cluster,
    steps=(
        _cluster_update("accessConfig.authenticationMode"),
        _cluster_update("version", operation="UpdateClusterVersion"),
        _cluster_update("enabledClusterLogTypes"),
        _cluster_update("upgradePolicy"),
        _cluster_update("deletionProtection"),
        _cluster_update("vpcConfig.subnetIds", "vpcConfig.securityGroupIds"),
        _cluster_update(
            "vpcConfig.endpointPrivateAccess", "vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs"
        ),
    ),
    status=Status("status", ready=("ACTIVE",), failed=("FAILED",), reasons=_issues("health")),
    delete="DeleteCluster",
    tags=_tagged("arn"),
)

ACCESS_ENTRY = Row(
    type="aws:eks/accessEntry:AccessEntry",
    service="eks",
    cloudformation="AWS::EKS::AccessEntry",
    key=joined(":", "clusterName", "principalArn"),
    properties={
        "clusterName": Property(replaces=True),
        "principalArn": Property(replaces=True),
        # Source: EKS API, CreateAccessEntry, whose model has no enumeration.
        "type": Property(
            replaces=True,
            default="STANDARD",
            check=one_of(
                "STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"
            ),
        ),
        "kubernetesGroups": Property(same=as_set, computed=True),
        "userName": Property(computed=True),
    },
    outputs={"accessEntryArn": Property(), "createdAt": Property(), "modifiedAt": Property()},
    create="CreateAccessEntry",
    read=_described("DescribeAccessEntry", "accessEntry"),
    steps=(Step(("kubernetesGroups", "userName"), "UpdateAccessEntry", computes=("modifiedAt",)),),
    delete="DeleteAccessEntry",
    tags=_tagged("accessEntryArn"),
)


def _read_policy_association(r: Resource) -> Response | None:
    page: dict[str, Any] = {}
    while True:
        response = r.ask("ListAssociatedAccessPolicies", **page)
        for policy in response["associatedAccessPolicies"]:
            if policy["policyArn"] == r["policyArn"]:
                return {"clusterName": r["clusterName"], "principalArn": r["principalArn"], **policy}
        if not response.get("nextToken"):
            return None
        page = {"nextToken": response["nextToken"]}


ACCESS_POLICY_ASSOCIATION = Row(
    type="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    service="eks",
    source="terraform-provider-aws, aws_eks_access_policy_association: every argument is ForceNew",
    key=joined("#", "clusterName", "principalArn", "policyArn"),
    properties={
        "clusterName": Property(replaces=True),
        "principalArn": Property(replaces=True),
        "policyArn": Property(replaces=True),
        "accessScope": Property(replaces=True, fields={"type": Property(), "namespaces": Property(same=as_set)}),
    },
    outputs={"associatedAt": Property(), "modifiedAt": Property()},
    create="AssociateAccessPolicy",
    read=_read_policy_association,
    delete="DisassociateAccessPolicy",
)


def _node_group_config(*properties: str) -> Step:
    return Step(
        properties,
        "UpdateNodegroupConfig",
        run=lambda r: _node_group_updated(r, r.send("UpdateNodegroupConfig", *properties)),
    )


def _node_group_updated(r: Resource, response: Response) -> None:
    _finished(r, response, nodegroupName=r["nodeGroupName"])


def _relabel(r: Resource) -> None:
    old, new = as_map(r.old.get("labels")), as_map(r["labels"])
    changed = {
        "addOrUpdateLabels": {key: value for key, value in new.items() if old.get(key) != value},
        "removeLabels": [key for key in old if key not in new],
    }
    labels = {name: value for name, value in changed.items() if value}
    _node_group_updated(r, r.ask("UpdateNodegroupConfig", labels=labels))


def _read_node_group(r: Resource) -> Response | None:
    group: Response = r.ask("DescribeNodegroup")["nodegroup"]
    return group | {"resources": [group["resources"]] if group.get("resources") else []}


NODE_GROUP = Row(
    type="aws:eks/nodeGroup:NodeGroup",
    service="eks",
    cloudformation="AWS::EKS::Nodegroup",
    key=joined(":", "clusterName", "nodeGroupName"),
    # Source of the limit: EKS API, CreateNodegroup.
    name=AutoName("nodeGroupName", 63, prefix="nodeGroupNamePrefix"),
    properties={
        "clusterName": Property(replaces=True),
        "nodeGroupName": Property(replaces=True),
        "nodeGroupNamePrefix": Property(replaces=True, local=True, hidden=True),
        "nodeRoleArn": Property(member="nodeRole", replaces=True),
        "subnetIds": Property(member="subnets", replaces=True, same=as_set),
        "scalingConfig": Property(
            required=True,
            fields={
                "minSize": Property(required=True),
                "desiredSize": Property(required=True),
                "maxSize": Property(required=True),
            },
        ),
        "updateConfig": Property(
            computed=True,
            fields={
                "maxUnavailable": Property(),
                "maxUnavailablePercentage": Property(),
                # EKS reports it, and the provider does not take what is left out for unchanged:
                # terraform-aws-eks, issue 3625.
                "updateStrategy": Property(),
            },
        ),
        "nodeRepairConfig": Property(computed=True, fields={"enabled": Property()}),
        "capacityType": Property(replaces=True, computed=True),
        "instanceTypes": Property(replaces=True, computed=True),
        "amiType": Property(replaces=True, computed=True),
        "diskSize": Property(replaces=True, computed=True),
        "version": Property(computed=True),
        "releaseVersion": Property(computed=True),
        "launchTemplate": Property(
            fields={
                "id": Property(replaces=True, computed=True),
                "name": Property(replaces=True, computed=True),
                "version": Property(),
            }
        ),
        "labels": Property(),
    },
    outputs={
        "arn": Property(member="nodegroupArn"),
        "status": Property(),
        "resources": Property(
            many=True,
            fields={
                "autoscalingGroups": Property(many=True, fields={"name": Property()}),
                "remoteAccessSecurityGroupId": Property(member="remoteAccessSecurityGroup"),
            },
        ),
    },
    create="CreateNodegroup",
    read=_read_node_group,
    steps=(
        Step(
            ("version", "releaseVersion", "launchTemplate"),
            "UpdateNodegroupVersion",
            run=lambda r: _node_group_updated(
                r, r.send("UpdateNodegroupVersion", "version", "releaseVersion", "launchTemplate")
            ),
        ),
        _node_group_config("scalingConfig", "updateConfig", "nodeRepairConfig"),
        Step(("labels",), run=_relabel),
    ),
    status=Status("status", ready=("ACTIVE",), failed=("CREATE_FAILED", "DEGRADED"), reasons=_issues("health")),
    delete="DeleteNodegroup",
    tags=_tagged("nodegroupArn"),
    differs={
        "launchTemplate.id": "UpdateNodegroupVersion takes another version of the same template only",
        "launchTemplate.name": "UpdateNodegroupVersion takes another version of the same template only",
        "nodeGroupNamePrefix": "only pulumi-aws has it: it is the beginning of the name",
    },
)


_ADDON_UPDATES = ("addonVersion", "serviceAccountRoleArn", "configurationValues")


def _update_addon(r: Resource) -> None:
    conflicts = {"resolveConflicts": r["resolveConflictsOnUpdate"]}
    _finished(r, r.send("UpdateAddon", *_ADDON_UPDATES, **conflicts), addonName=r["addonName"])


ADDON = Row(
    type="aws:eks/addon:Addon",
    service="eks",
    cloudformation="AWS::EKS::Addon",
    key=joined(":", "clusterName", "addonName"),
    properties={
        "clusterName": Property(replaces=True),
        "addonName": Property(replaces=True),
        "addonVersion": Property(computed=True),
        "serviceAccountRoleArn": Property(removed=""),
        "configurationValues": Property(computed=True, same=as_json),
        # The API takes PRESERVE too, which says nothing about a creation. Source: aws_eks_addon.
        "resolveConflictsOnCreate": Property(member="resolveConflicts", hidden=True, check=one_of("NONE", "OVERWRITE")),
        "resolveConflictsOnUpdate": Property(local=True, hidden=True, check=one_of("NONE", "OVERWRITE", "PRESERVE")),
        "preserve": Property(local=True, hidden=True, check=boolean),
    },
    outputs={"arn": Property(member="addonArn"), "createdAt": Property(), "modifiedAt": Property()},
    create="CreateAddon",
    read=_described("DescribeAddon", "addon"),
    steps=(Step(_ADDON_UPDATES, run=_update_addon, computes=("modifiedAt",)),),
    status=Status(
        "status",
        ready=("ACTIVE",),
        failed=("CREATE_FAILED", "UPDATE_FAILED", "DEGRADED"),
        reasons=_issues("health"),
    ),
    delete=lambda r: r.ask("DeleteAddon", preserve=bool(r["preserve"])),
    tags=_tagged("addonArn"),
)


def _parse_association(given: str) -> tuple[str, dict[str, Any]]:
    cluster, separator, association = given.partition(",")
    return (association, {"clusterName": cluster}) if separator else (given, {})


POD_IDENTITY_ASSOCIATION = Row(
    type="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    service="eks",
    cloudformation="AWS::EKS::PodIdentityAssociation",
    key=Key(
        make=assigned("association.associationId", "associationId").make,
        parse=_parse_association,
        member="associationId",
        properties=("clusterName",),
    ),
    properties={
        "clusterName": Property(replaces=True),
        "namespace": Property(replaces=True),
        "serviceAccount": Property(replaces=True),
        "roleArn": Property(),
    },
    outputs={"associationArn": Property(), "associationId": Property()},
    create="CreatePodIdentityAssociation",
    read=_described("DescribePodIdentityAssociation", "association"),
    steps=(Step(("roleArn",), "UpdatePodIdentityAssociation"),),
    delete="DeletePodIdentityAssociation",
    tags=_tagged("associationArn"),
)

ROWS = (
    CLUSTER,
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    NODE_GROUP,
    ADDON,
    POD_IDENTITY_ASSOCIATION,
)
