"""Whether a pinned or proposed version is supported, and until when: in words, by what the sources say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from delivery import version_choice as choice
from infra.contract import prices
from permanent.preflight.verdict import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from delivery.version_choice import Minor


@dataclass(frozen=True)
class Support:
    """Whether a version is supported, and until when."""

    is_supported: bool | None
    """None: unknown."""
    says: str


def _yes(says: str) -> Support:
    return Support(is_supported=True, says=says)


def _no(says: str) -> Support:
    return Support(is_supported=False, says=says)


def of_minor(
    minor: str, offered: Mapping[str, Minor] | Unknown, listed: Mapping[str, date], today: date, source: str
) -> Support:
    """Kubernetes: what EKS says, else the date that is listed in `source`."""
    if isinstance(offered, Unknown):
        until = listed.get(minor)
        if until is None:
            return Support(None, f"unknown: {source} has no date of {minor}")
        is_past = today > until
        return Support(not is_past, f"standard support {'ended on' if is_past else 'until'} {until} ({source})")
    found = offered.get(minor)
    if found is None or not found.is_offered(today):
        return _no("EKS does not offer it any more")
    extended = f"extended until {found.extended_until}" if found.extended_until else "extended: not known"
    if found.standard_until is None:
        return Support(None, f"standard: not known, {extended}")
    if today <= found.standard_until:
        return _yes(f"standard support until {found.standard_until}, {extended}")
    price = f"${prices.EKS_CLUSTER_EXTENDED_SUPPORT_HOUR:.2f} instead of ${prices.EKS_CLUSTER_HOUR:.2f} an hour"
    return _no(f"standard support ended on {found.standard_until}, {extended}: {price}")


def of_build(version: str, builds: Sequence[choice.Build], minor: str) -> Support:
    """An add-on: whether EKS has the build for a minor, and which is its default."""
    found = next((each for each in builds if each.version == version and minor in each.minors), None)
    defaults = [each.version for each in builds if minor in each.default_for]
    default = max(defaults, key=lambda each: choice.build_key(each) or ()) if defaults else "not known"
    if found is None:
        return _no(f"not offered for Kubernetes {minor}, whose default is {default}")
    is_default = minor in found.default_for
    return _yes(f"for Kubernetes {minor}: {'the default' if is_default else f'the default is {default}'}")


def of_flux(version: str, versions: Sequence[str]) -> Support:
    """Flux: whether a version is of one of the newest three minors."""
    found = choice.release(version)
    minors = choice.flux_minors(versions)
    if found is None or not minors:
        return Support(None, "unknown: no release was listed")
    major, minor = found.numbers[:2]
    newest = ".".join(map(str, minors[0]))
    if found.numbers[:2] in minors[: choice.FLUX_SUPPORTED] or found.numbers[:2] >= minors[0]:
        end = f"{major}.{minor + choice.FLUX_SUPPORTED}"
        return _yes(f"{major}.{minor} is supported until {end} is released; the newest minor is {newest}")
    if len(minors) < choice.FLUX_SUPPORTED:
        return Support(None, f"unknown: {len(minors)} minors were listed, the newest is {newest}")
    return _no(f"{major}.{minor} is not among Flux's newest three minors; the newest is {newest}")


def of_chart(version: str, versions: Sequence[choice.ChartVersion], minors: Iterable[str]) -> Support:
    """A chart: whether it takes these minors. Charts have no end of support but their app's."""
    found = next((each for each in versions if each.version == version), None)
    if found is None:
        return Support(None, "its repository does not list this version")
    if not (found.app or found.kube):
        return _yes("listed; its app and range are not known")
    says = f"app {found.app or 'not known'}, Kubernetes {found.kube or 'any'}"
    if found.is_deprecated:
        return _no(f"deprecated; {says}")
    return Support(all(choice.takes(found.kube, minor) for minor in minors), says)
