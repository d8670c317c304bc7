"""Add-ons.

Source of rules and messages: EKS API reference, the operation of the same name, and the service's own replies.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import yaml

from infra.contract.versions import ADDONS
from sandbox.account.overlay.eks import errors, status, updates, versions
from sandbox.account.overlay.eks.backend import given, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.account.overlay.eks.backend import Call, Cluster, Document, Operations

CHANGEABLE = ("addonVersion", "serviceAccountRoleArn", "configurationValues")
OWNER = {"publisher": "eks", "owner": "aws"}


def create_addon(call: Call) -> Document:
    """CreateAddon."""
    cluster, request = call.cluster, call.request
    name, minor = request["addonName"], cluster.document["version"]
    refuse_existing(cluster, name)
    versions.refuse_unsupported_addon(name, request.get("addonVersion"), minor)
    refuse_unreadable_configuration(request)
    refuse_own_associations(request)
    now = datetime.now(UTC)
    cluster.addons[name] = {
        "addonVersion": versions.addon_versions(name, minor)[0],
        **given(request, *CHANGEABLE, "namespaceConfig"),
        **OWNER,
        "addonName": name,
        "clusterName": cluster.name,
        "addonArn": call.eks.arn(f"addon/{cluster.name}/{name}/{uuid.uuid4()}"),
        "health": {"issues": []},
        "createdAt": now,
        "modifiedAt": now,
        "tags": dict(request.get("tags", {})),
    }
    return {"addon": status.present(cluster.addons[name])}


def describe_addon(call: Call) -> Document:
    """DescribeAddon."""
    return {"addon": status.present(known_addon(call))}


def list_addons(call: Call) -> Document:
    """ListAddons."""
    return page("addons", list(call.cluster.addons), call.request)


def update_addon(call: Call) -> Document:
    """UpdateAddon: what the request does not name stays."""
    addon, request = known_addon(call), call.request
    versions.refuse_unsupported_addon(addon["addonName"], request.get("addonVersion"), call.cluster.document["version"])
    refuse_unreadable_configuration(request)
    refuse_own_associations(request)
    changes = given(request, *CHANGEABLE)
    addon |= changes | {"modifiedAt": datetime.now(UTC)}
    params = {name[0].upper() + name[1:]: value for name, value in changes.items()}
    return updates.record(call.cluster, "AddonUpdate", params, addon=addon["addonName"])


def delete_addon(call: Call) -> Document:
    """DeleteAddon."""
    addon = known_addon(call)
    if not status.lingers(addon):
        remove(call.cluster, addon)
    return {"addon": status.deleted(addon)}


def remove(cluster: Cluster, addon: Document) -> None:
    """It is gone."""
    del cluster.addons[addon["addonName"]]


def describe_addon_versions(call: Call) -> Document:
    """DescribeAddonVersions: each build with the minors that it is for."""
    name, minor = call.request.get("addonName"), call.request.get("kubernetesVersion")
    minors = [each for each in versions.OFFERED if minor in (None, each)]
    addons = [_described(each, minors) for each in ADDONS if name in (None, each)]
    return page("addons", [each for each in addons if each["addonVersions"]], call.request)


def _described(addon: str, minors: Sequence[str]) -> Document:
    offered = {minor: versions.addon_versions(addon, minor) for minor in minors}
    builds = dict.fromkeys(build for minor in reversed(minors) for build in offered[minor])
    return {
        "addonName": addon,
        **OWNER,
        "addonVersions": [
            {
                "addonVersion": build,
                "architecture": ["amd64", "arm64"],
                "compatibilities": [
                    {"clusterVersion": minor, "platformVersions": ["*"], "defaultVersion": build == known[0]}
                    for minor, known in offered.items()
                    if build in known
                ],
            }
            for build in builds
        ],
    }


def known_addon(call: Call) -> Document:
    """The add-on that the request names; ResourceNotFoundException."""
    cluster, name = call.cluster, call.request["addonName"]
    if name not in cluster.addons:
        raise errors.not_found(f"No addon: {name} found in cluster: {cluster.name}", addonName=name)
    return cluster.addons[name]


def refuse_existing(cluster: Cluster, addon: str) -> None:
    """ResourceInUseException for an add-on that is installed."""
    if addon in cluster.addons:
        raise errors.in_use("Addon already exists.", clusterName=cluster.name, addonName=addon)


def refuse_unreadable_configuration(request: Document) -> None:
    """InvalidParameterException for configuration values that are not a JSON or YAML object."""
    text = request.get("configurationValues")
    if text is None:
        return
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict):
        raise errors.invalid_parameter(
            "ConfigurationValue provided in request is not supported: it is not an object in JSON or YAML",
            addonName=request["addonName"],
        )


def refuse_own_associations(request: Document) -> None:
    """What the embedded account does not emulate: pod identity associations that an add-on owns."""
    if request.get("podIdentityAssociations"):
        raise errors.invalid_request(
            "The embedded account does not emulate podIdentityAssociations of add-ons; use serviceAccountRoleArn"
        )


OPERATIONS: Operations = {
    "CreateAddon": create_addon,
    "DescribeAddon": describe_addon,
    "ListAddons": list_addons,
    "UpdateAddon": update_addon,
    "DeleteAddon": delete_addon,
    "DescribeAddonVersions": describe_addon_versions,
}
