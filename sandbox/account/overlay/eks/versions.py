"""Which versions EKS offers: the minors and add-on builds that the project knows, and builds of platform and nodes.

Source: EKS user guide, platform versions and AMI releases of October 2026 as seen for 1.36; older minors are given the
same pattern.
"""

from __future__ import annotations

from infra.contract.versions import ADDONS, KUBERNETES, KUBERNETES_DEFAULT
from sandbox.account.overlay.eks import errors

PLATFORM_VERSION = "eks.14"
DEFAULT = KUBERNETES_DEFAULT
"""The minor of a cluster that names none."""


def ami_release(minor: str) -> str:
    """The newest AMI release of managed nodes for a minor."""
    return f"{minor}.4-20261003"


def addon_versions(addon: str, minor: str) -> tuple[str, ...]:
    """The builds of an add-on for a minor, the default first; none for an add-on that EKS does not know."""
    known = ADDONS.get(addon)
    return known.versions if known and known.kubernetes == minor else ()


def refuse_unsupported_minor(version: str) -> None:
    """InvalidParameterException for a Kubernetes minor that EKS does not offer."""
    if version not in KUBERNETES:
        raise errors.invalid_parameter(f"unsupported Kubernetes version {version}")


def refuse_unsupported_addon(addon: str, version: str | None, minor: str) -> None:
    """InvalidParameterException for an unknown add-on, one without a build for the minor, or an unknown build."""
    versions = addon_versions(addon, minor)
    if not versions:
        raise errors.invalid_parameter(
            f"Addon {addon} specified is not supported in {minor} kubernetes version", addonName=addon
        )
    if version is not None and version not in versions:
        raise errors.invalid_parameter("Addon version specified is not supported", addonName=addon)
