"""The rules by which a pin is proposed: tables, and properties over everything that a source may offer."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import semver
from delivery import version_choice as choice
from delivery.version_choice import Build, ChartVersion, Minor, Offers, ScopePins
from permanent.preflight.verdict import Unknown

TODAY = date(2026, 12, 1)
MINORS = {
    "1.34": Minor(date(2026, 12, 2), date(2027, 12, 2)),
    "1.35": Minor(date(2027, 3, 27), date(2028, 3, 27)),
    "1.36": Minor(date(2027, 8, 2), date(2028, 8, 2)),
    "1.37": Minor(date(2027, 12, 2), date(2028, 12, 2)),
}


def build(version: str, *minors: str, default: str = "") -> Build:
    return Build(version, frozenset(minors), frozenset({default} if default else set[str]()))


BUILDS = (
    build("v1.2.0-eksbuild.1", "1.36"),
    build("v1.3.0-eksbuild.2", "1.36", default="1.36"),
    build("v1.3.0-eksbuild.10", "1.36", "1.37"),
    build("v1.4.0-rc.1-eksbuild.1", "1.36", "1.37", default="1.37"),
)


@pytest.mark.parametrize(
    ("pin", "minor", "chosen"),
    [
        ("v1.2.0-eksbuild.1", "1.36", "v1.3.0-eksbuild.2"),  # the default
        ("v1.3.0-eksbuild.2", "1.36", "v1.3.0-eksbuild.2"),
        ("v1.3.0-eksbuild.10", "1.36", "v1.3.0-eksbuild.10"),  # newer than the default: it stays
        ("v1.3.0-eksbuild.3", "1.36", "v1.3.0-eksbuild.10"),  # not offered: the next that is
        ("v1.3.0-eksbuild.11", "1.36", None),  # nothing that is not older
        ("v1.2.0-eksbuild.1", "1.37", "v1.3.0-eksbuild.10"),  # the default is no release
        ("v1.2.0-eksbuild.1", "1.38", None),
        ("latest", "1.36", None),
    ],
)
def test_an_addon_gets_the_default_and_is_never_lowered(pin: str, minor: str, chosen: str | None) -> None:
    assert choice.addon(pin, BUILDS, minor) == chosen


@pytest.mark.parametrize(
    ("pin", "versions", "chosen"),
    [
        ("3.5.0", {"3.5.0": "", "3.6.0": "", "3.6.1-rc.1": ""}, "3.6.0"),
        ("3.5.0", {"3.5.0": "", "3.10.0": ">=1.25.0-0"}, "3.10.0"),
        ("3.5.0", {"3.5.0": "", "3.6.0": ">=1.38.0-0"}, "3.5.0"),
        ("3.5.0", {"3.5.0": "", "3.6.0": "no range"}, "3.5.0"),
        ("3.5.0", {"3.4.0": ""}, None),
        ("3.x", {"3.5.0": ""}, None),
        ("v1.21.0", {"v1.21.0": "", "v1.22.0": ""}, "v1.22.0"),
        ("1.2.3", {"v1.2.3+build.7": ""}, "1.2.3"),
        ("1.2.3", {"9" * 5000 + ".0.0": "", "1.2.4\n": "", "\u0661.2.9": ""}, None),
    ],
)
def test_a_chart_gets_the_newest_release_that_takes_the_minor(
    pin: str, versions: dict[str, str], chosen: str | None
) -> None:
    assert (
        choice.chart(pin, [ChartVersion(version, kube=kube) for version, kube in versions.items()], ["1.36"]) == chosen
    )


def offers(**changed: object) -> Offers:
    found: dict[str, Any] = {"kubernetes": MINORS, "addons": {"cni": BUILDS}, "flux": [], "charts": {}, **changed}
    return Offers(**found)


def target(pins: list[ScopePins], offered: Offers, **charts: str) -> choice.Steps:
    return choice.steps(pins, offered, charts, TODAY)


CNI = {"cni": "v1.2.0-eksbuild.1"}


def test_kubernetes_moves_by_one_minor_from_what_is_committed() -> None:
    assert target([ScopePins("", "1.35", "1.35", CNI)], offers()).targets == {"1.35": "1.36"}
    assert target([ScopePins("", "1.36", "1.35", CNI)], offers()).targets == {"1.36": "1.36"}
    assert target([ScopePins("", "1.36", "1.36", CNI)], offers()).targets == {"1.36": "1.37"}
    assert target([ScopePins("", "1.37", "1.37", CNI)], offers()).targets == {"1.37": "1.37"}


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        (offers(addons={"cni": Unknown("refused")}), "cni: its builds are unknown"),
        (offers(addons={"cni": BUILDS[:2]}), "cni: EKS has no build for 1.37 that is not older than v1.2.0-eksbuild.1"),
        (offers(kubernetes={"1.37": Minor(None, None)}), "EKS does not say when its support ends"),
        (
            offers(charts={"https://x/lbc": [ChartVersion("3.5.0", kube="<1.37.0-0")]}),
            "chart lbc: no release from 3.5.0 on takes Kubernetes 1.37",
        ),
    ],
)
def test_kubernetes_waits_for_what_runs_on_it(offered: Offers, reason: str) -> None:
    found = choice.steps([ScopePins("", "1.36", "1.36", CNI)], offered, {"https://x/lbc": "3.5.0"}, TODAY)
    assert (found.targets, found.blocked) == ({"1.36": "1.36"}, {"1.37": [reason]})


def test_what_eks_has_given_up_is_not_moved_to_and_without_an_answer_nothing_moves() -> None:
    pins = [ScopePins("", "1.36", "1.36", CNI)]
    gone = {"1.37": Minor(date(2026, 1, 1), date(2026, 11, 30))}
    assert target(pins, offers(kubernetes=gone)).targets == {"1.36": "1.36"}
    assert target(pins, offers(kubernetes={"1.37": Minor(None, None, is_unsupported=True)})).blocked == {}
    assert target(pins, offers(kubernetes=Unknown("refused"))).targets == {"1.36": "1.36"}


def test_a_stack_that_cannot_move_keeps_all_of_its_minor() -> None:
    """The contract's pins are for one minor, on which both run."""
    stuck = ScopePins("blue", "1.36", "1.36", {"cni": "v9.0.0-eksbuild.1"})
    assert target([ScopePins("", "1.36", "1.36", CNI), stuck], offers()).targets == {"1.36": "1.36"}
    behind = ScopePins("blue", "1.35", "1.35", CNI)
    found = target([ScopePins("", "1.36", "1.36", CNI), behind], offers())
    assert found.targets == {"1.36": "1.37", "1.35": "1.36"}


# Properties.


def numbered(numbers: tuple[int, int, int], tail: str) -> str:
    return f"{'.'.join(map(str, numbers))}{tail}"


def eks(numbers: tuple[int, int, int], tail: str, number: int) -> str:
    return f"v{numbered(numbers, tail)}-eksbuild.{number}"


SMALL = st.integers(0, 3)
RELEASE = st.tuples(SMALL, SMALL, SMALL)
SEMVER = st.builds(numbered, RELEASE, st.sampled_from(["", "", "-rc.1", "-alpha", "+build"]))
EKS = st.builds(eks, RELEASE, st.sampled_from(["", "", "-rc.1"]), SMALL)
MINOR = st.sampled_from(sorted(MINORS))
BUILD = st.builds(Build, EKS, st.frozensets(MINOR), st.frozensets(MINOR))
CHART = st.builds(ChartVersion, SEMVER, kube=st.sampled_from(["", ">=1.35.0-0", "<1.36.0-0", ">=1.x", "?", "~1.36"]))
TEXT = st.one_of(SEMVER, st.text(max_size=20))


@given(EKS, st.lists(BUILD, max_size=8), MINOR)
def test_an_addon_is_of_the_minor_a_release_not_older_and_settled(pin: str, builds: list[Build], minor: str) -> None:
    chosen = choice.addon(pin, builds, minor)
    if chosen is not None:
        assert any(each.version == chosen and minor in each.minors for each in builds)
        before, after = choice.build_key(pin), choice.build_key(chosen)
        assert before is not None
        assert after is not None
        assert after >= before
        assert choice.addon(chosen, builds, minor) == chosen
        assert choice.known(chosen, builds, minor)[0] == chosen


@given(TEXT, st.lists(CHART, max_size=8), st.lists(MINOR, max_size=2))
def test_a_chart_is_a_release_not_older_that_takes_the_minors_and_settled(
    pin: str, versions: list[ChartVersion], minors: list[str]
) -> None:
    chosen = choice.chart(pin, versions, minors)
    if chosen is not None:
        before, after = semver.parse(pin), semver.parse(chosen)
        assert before is not None
        assert after is not None
        assert after >= before
        assert not after.pre
        same = [each for each in versions if semver.parse(each.version) == after]
        assert any(all(choice.takes(each.kube, minor) for minor in minors) for each in same)
        assert choice.chart(chosen, versions, minors) == chosen


@given(TEXT, st.lists(TEXT, max_size=8))
def test_flux_is_a_release_not_older_and_settled(pin: str, versions: list[str]) -> None:
    chosen = choice.flux(pin, versions)
    if chosen is not None:
        before, after = semver.parse(pin), semver.parse(chosen)
        assert before is not None
        assert after is not None
        assert after >= before
        assert not after.pre
        assert choice.flux(chosen, versions) == chosen


SCOPES = st.lists(
    st.builds(ScopePins, st.text(max_size=3), MINOR, MINOR, st.dictionaries(st.just("cni"), EKS, max_size=1)),
    min_size=1,
    max_size=3,
)
OFFERED = st.builds(
    Offers,
    st.one_of(st.just(Unknown("x")), st.dictionaries(MINOR, st.builds(Minor, st.dates(), st.dates()))),
    st.fixed_dictionaries({"cni": st.one_of(st.just(Unknown("x")), st.lists(BUILD, max_size=6))}),
    st.just(()),
    st.just({}),
)


@given(SCOPES, OFFERED)
def test_kubernetes_is_never_lowered_nor_over_one_minor_and_settled(scopes: list[ScopePins], offered: Offers) -> None:
    found = choice.steps(scopes, offered, {}, TODAY).targets
    after: list[ScopePins] = []
    for scope in scopes:
        before, to = choice.number(scope.kubernetes), choice.number(found[scope.kubernetes])
        head = choice.number(scope.committed)
        assert before is not None
        assert to is not None
        assert head is not None
        assert before <= to <= max(before, head + 1)
        moved = {
            name: choice.addon(pin, builds, found[scope.kubernetes]) or pin
            for name, pin in scope.addons.items()
            if not isinstance(builds := offered.addons[name], Unknown)
        }
        after.append(ScopePins(scope.name, found[scope.kubernetes], scope.committed, {**scope.addons, **moved}))
    again = choice.steps(after, offered, {}, TODAY).targets
    committed = {scope.kubernetes for scope in scopes if scope.kubernetes == scope.committed}
    for scope, then in zip(scopes, after, strict=True):
        if {each.kubernetes for each in scopes} == committed:
            assert again[then.kubernetes] == then.kubernetes, scope
