"""Which versions EKS offers: the minors and add-on builds that the project knows, and builds of platform and nodes.

Source: EKS user guide, platform versions and AMI releases of October 2026 as seen for 1.36, and "Kubernetes versions in
extended support"; older minors and their kube-proxy are given the same pattern. The API has the builds of the other
add-ons for several minors (DescribeAddonVersions, compatibilities).
"""

from __future__ import annotations

from datetime import date

from infra.contract.versions import ADDONS, KUBERNETES, KUBERNETES_DEFAULT
from sandbox.account.overlay.eks import errors

PLATFORM_VERSION = "eks.14"
EXTENDED = {"1.32": date(2026, 3, 23), "1.33": date(2026, 7, 29)}
"""Minors that EKS still offers, at the price of extended support: for clusters that are behind. When standard ended."""

STANDARD_UNTIL = {**EXTENDED, **{version.minor: version.standard_support_until for version in KUBERNETES.values()}}
"""Minor → its last day of standard support."""

OFFERED = tuple(STANDARD_UNTIL)
MOST_BEHIND = 3
"""Minors that a node may be behind the control plane (EKS user guide, "Update existing cluster to new version")."""

RELEASES = ("20260923", "20260930", "20261003")
"""The dates of AMI releases, the newest last."""

OLDER_BUILDS = {"coredns": ("v1.13.2-eksbuild.4",), "metrics-server": ("v0.8.1-eksbuild.6",)}
"""Add-ons whose newest builds are for the newest minor alone: what EKS has for the others."""

DEFAULT = KUBERNETES_DEFAULT
"""The minor of a cluster that names none."""


def number(minor: str) -> int:
    """36 of 1.36."""
    return int(minor.split(".")[1])


def ami_release(minor: str) -> str:
    """The newest AMI release of managed nodes for a minor."""
    return f"{minor}.4-{RELEASES[-1]}"


def addon_versions(addon: str, minor: str) -> tuple[str, ...]:
    """The builds of an add-on for a minor, the default first; none for an add-on that EKS does not know."""
    known = ADDONS.get(addon)
    if known is None:
        return ()
    if known.kubernetes == minor:
        return known.versions
    if addon == "kube-proxy":
        return (f"v{minor}.4-eksbuild.9",)
    return OLDER_BUILDS.get(addon, known.versions)


def refuse_unsupported_minor(version: str) -> None:
    """InvalidParameterException for a Kubernetes minor that EKS does not offer."""
    if version not in OFFERED:
        raise errors.invalid_parameter(f"unsupported Kubernetes version {version}")


def refuse_unknown_release(release: str | None, minor: str) -> None:
    """InvalidParameterException for an AMI release that is not there, or of another minor (eksctl, issue 7976)."""
    if release and release not in {f"{minor}.4-{date}" for date in RELEASES}:
        raise errors.invalid_parameter(
            f"Requested release version {release} is not valid for kubernetes version {minor}."
        )


def refuse_unsupported_addon(addon: str, version: str | None, minor: str) -> None:
    """InvalidParameterException for an unknown add-on, one without a build for the minor, or an unknown build."""
    versions = addon_versions(addon, minor)
    if not versions:
        raise errors.invalid_parameter(
            f"Addon {addon} specified is not supported in {minor} kubernetes version", addonName=addon
        )
    if version is not None and version not in versions:
        raise errors.invalid_parameter("Addon version specified is not supported", addonName=addon)
