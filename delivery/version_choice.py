"""Which pin to propose, of what sources offer: pure, so that its rules can be proven.

Never a downgrade, never a pre-release, never more than one Kubernetes minor above what is committed; and what is
proposed once is not proposed again. Kubernetes moves only with builds of all add-ons and with charts that take it.

Sources: EKS user guide, "Update existing cluster to new Kubernetes version" (one minor at a time); EKS API reference,
DescribeAddonVersions (compatibilities); Flux documentation, "Release" (the latest three minors are supported); Helm
documentation, "The Chart.yaml file" (kubeVersion).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date  # noqa: TC003  # read by whoever reads the fields
from typing import TYPE_CHECKING

from common import semver
from permanent.preflight.verdict import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EKS_BUILD = re.compile(r"v(\d+)\.(\d+)\.(\d+)-eksbuild\.(\d+)")
MINOR = re.compile(r"1\.(\d{1,4})")
LONGEST = 64
"""Characters of a version; a longer one is none."""

FLUX_SUPPORTED = 3
"""The newest minors of Flux that get fixes."""

KNOWN_BEYOND = 2
"""How many newer builds of an add-on are kept next to the pin."""


@dataclass(frozen=True)
class Minor:
    """A Kubernetes minor that EKS offers."""

    standard_until: date | None
    extended_until: date | None
    is_unsupported: bool = False

    def is_offered(self, today: date) -> bool:
        """Whether a cluster can run it."""
        return not self.is_unsupported and (self.extended_until is None or today <= self.extended_until)


@dataclass(frozen=True)
class Build:
    """A version of an EKS add-on."""

    version: str
    minors: frozenset[str]
    default_for: frozenset[str]


@dataclass(frozen=True)
class ChartVersion:
    """A version of a chart, as its repository lists it; from a registry, which lists tags, all else is empty."""

    version: str
    app: str = ""
    kube: str = ""
    """The range of Kubernetes versions that it takes; empty: any, or not known."""
    is_deprecated: bool = False


@dataclass(frozen=True)
class Offers:
    """What the sources say."""

    kubernetes: Mapping[str, Minor] | Unknown
    addons: Mapping[str, Sequence[Build] | Unknown]
    flux: Sequence[str] | Unknown
    charts: Mapping[str, Sequence[ChartVersion] | Unknown]
    """By repository and name: `Chart.key`."""


def number(minor: str) -> int | None:
    """36 of 1.36; None of what is no minor."""
    found = MINOR.fullmatch(minor)
    return int(found[1]) if found else None


def next_minor(minor: str) -> str | None:
    """1.37 of 1.36."""
    found = number(minor)
    return None if found is None else f"1.{found + 1}"


def build_key(version: str) -> tuple[int, ...] | None:
    """The order of an add-on's versions; None for another form, such as a pre-release."""
    found = EKS_BUILD.fullmatch(version) if len(version) <= LONGEST else None
    return tuple(map(int, found.groups())) if found else None


def release(version: str) -> semver.Version | None:
    """A semantic version that is no pre-release, else None."""
    found = semver.parse(version) if len(version) <= LONGEST and version.isascii() else None
    return None if found is None or found.pre else found


def addon(pin: str, builds: Iterable[Build], minor: str) -> str | None:
    """The build to pin for a minor: EKS's default, or what is pinned if that is newer; None: none that is not older.

    Where neither will do, it is the oldest of those that are newer than the pin.
    """
    at = build_key(pin)
    offered = {key: each for each in builds if minor in each.minors and (key := build_key(each.version))}
    newer = {} if at is None else {key: each for key, each in offered.items() if key >= at}
    if not newer:
        return None
    defaults = [key for key, each in newer.items() if minor in each.default_for]
    return newer[max(defaults) if defaults else min(newer)].version


def known(chosen: str, builds: Iterable[Build], minor: str) -> tuple[str, ...]:
    """The pin and the newest of the builds that are newer, as the contract lists them."""
    at = build_key(chosen) or ()
    newer = {key: each.version for each in builds if minor in each.minors and (key := build_key(each.version))}
    return (chosen, *[newer[key] for key in sorted(newer) if key > at][-KNOWN_BEYOND:])


def takes(kube: str, minor: str) -> bool:
    """Whether a chart's kubeVersion takes a minor. A range that cannot be read takes none."""
    if not kube:
        return True
    try:
        return semver.Version((1, number(minor) or 0, 0)) in semver.parse_range(kube)
    except (semver.RangeError, ValueError):
        return False


def chart(pin: str, versions: Iterable[ChartVersion], minors: Iterable[str]) -> str | None:
    """The newest release of a chart that takes all these minors and is not older than the pin; None: there is none."""
    at, wanted = release(pin), tuple(minors)
    if at is None:
        return None
    found = {
        key: each.version
        for each in versions
        if (key := release(each.version)) and key >= at and all(takes(each.kube, minor) for minor in wanted)
    }
    return _newest(pin, at, found)


def flux(pin: str, versions: Iterable[str]) -> str | None:
    """The newest release of Flux that is not older than the pin; None: there is none."""
    at = release(pin)
    if at is None:
        return None
    return _newest(pin, at, {key: each for each in versions if (key := release(each)) and key >= at})


def _newest(pin: str, at: semver.Version, found: Mapping[semver.Version, str]) -> str | None:
    """The pin's own text where nothing is newer: `v` and build metadata are no difference."""
    if not found:
        return None
    newest = max(found)
    return pin if newest == at else found[newest]


def flux_minors(versions: Iterable[str]) -> list[tuple[int, int]]:
    """The minors of Flux's releases, the newest first."""
    return sorted({each.numbers[:2] for text in versions if (each := release(text))}, reverse=True)


@dataclass(frozen=True)
class ScopePins:
    """What the step of a Kubernetes minor is decided by: a scope of `version_pins`."""

    name: str
    kubernetes: str
    committed: str
    """The minor that HEAD has."""
    addons: Mapping[str, str]


@dataclass(frozen=True)
class Steps:
    """The minors to move to, and why others stay."""

    targets: Mapping[str, str]
    """Minor → that to run on: itself, or the next."""
    blocked: Mapping[str, Sequence[str]]
    """The next minor → what it waits for, a line each."""


def steps(
    scopes: Sequence[ScopePins],
    offers: Offers,
    charts: Mapping[str, str],
    today: date,
    *,
    is_asked: bool = True,
) -> Steps:
    """Decide which minors move. Scopes of one minor move together or not at all: they share the contract's pins.

    Args:
        scopes: the contract's, and those of stacks.
        offers: what sources say.
        charts: key → pinned version.
        today: on which EKS must offer the next minor.
        is_asked: whether a minor may move at all.
    """
    targets: dict[str, str] = {}
    blocked: dict[str, Sequence[str]] = {}
    for minor in dict.fromkeys(scope.kubernetes for scope in scopes):
        targets[minor] = minor
        following = next_minor(minor)
        offered = None if isinstance(offers.kubernetes, Unknown) else offers.kubernetes.get(following or "")
        if following is None or offered is None or not offered.is_offered(today) or not is_asked:
            continue
        group = [scope for scope in scopes if scope.kubernetes == minor]
        behind = [scope for scope in group if (number(following) or 0) > (number(scope.committed) or 0) + 1]
        if behind:
            blocked[following] = [f"HEAD has {behind[0].committed}: {minor} is to be committed, and merged, before it"]
        elif reasons := _obstacles(group, following, offers, charts):
            blocked[following] = reasons
        else:
            targets[minor] = following
    return Steps(targets, blocked)


def _obstacles(group: Sequence[ScopePins], minor: str, offers: Offers, charts: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    if not isinstance(offers.kubernetes, Unknown) and offers.kubernetes[minor].standard_until is None:
        found.append("EKS does not say when its support ends")
    for name, pin in dict.fromkeys(item for scope in group for item in scope.addons.items()):
        builds = offers.addons.get(name, Unknown("not asked"))
        if isinstance(builds, Unknown):
            found.append(f"{name}: its builds are unknown")
        elif addon(pin, builds, minor) is None:
            found.append(f"{name}: EKS has no build for {minor} that is not older than {pin}")
    for key, pin in charts.items():
        versions = offers.charts.get(key, Unknown("not asked"))
        is_listed = not isinstance(versions, Unknown) and any(each.version == pin for each in versions)
        if is_listed and not isinstance(versions, Unknown) and chart(pin, versions, [minor]) is None:
            found.append(f"chart {key.rpartition('/')[2]}: no release from {pin} on takes Kubernetes {minor}")
    return found
