"""What is proposed: for each pin a row with its support, and the edits that make the diff."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from common import semver
from delivery import version_choice as choice
from delivery import version_renovate, version_support
from delivery.version_choice import ScopePins
from delivery.version_pins import CONTRACT, Edit, quoted
from delivery.version_support import Support
from permanent.preflight.verdict import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from delivery.version_choice import Offers
    from delivery.version_pins import Chart, Pins, Place, Scope
    from delivery.version_renovate import Renovate, Rule


class Kind(StrEnum):
    """What is pinned."""

    KUBERNETES = "kubernetes"
    ADDONS = "addons"
    FLUX = "flux"
    CHARTS = "charts"


@dataclass(frozen=True)
class Row:
    """A pin, and what is proposed for it."""

    kind: Kind
    name: str
    path: str
    line: int
    version: str
    support: Support
    proposed: str | None = None
    proposed_support: Support | None = None
    mover: str = ""
    """The group in which Renovate moves it, so that it is not in the diff; empty: it is."""


@dataclass(frozen=True)
class Proposal:
    """All of it."""

    rows: tuple[Row, ...]
    edits: tuple[Edit, ...]
    notes: tuple[str, ...]
    """What else is to be known, a line each."""
    unknown: Mapping[str, str]
    """Pin → why its source did not say."""


@dataclass(frozen=True)
class Proposer:
    """Makes the proposal.

    Attributes:
        pins: of the checkout.
        texts: path → text, of every file with a pin.
        committed: stack, or empty for the contract → the minor that HEAD has.
        offers: what the sources say.
        renovate: what Renovate moves.
        today: the day on which versions must be supported.
        only: what may move.
    """

    pins: Pins
    texts: Callable[[str], str]
    committed: Mapping[str, str]
    offers: Offers
    renovate: Renovate
    today: date
    only: frozenset[Kind] = frozenset(Kind)

    def propose(self) -> Proposal:
        """Rows in the order Kubernetes, add-ons, Flux, charts; edits of all that is not Renovate's."""
        steps = choice.steps(
            [
                ScopePins(each.name, each.kubernetes, self.committed.get(each.name, each.kubernetes), each.addons)
                for each in self.pins.scopes
            ],
            self.offers,
            {chart.key: chart.version for chart in self.pins.charts},
            self.today,
            is_asked=Kind.KUBERNETES in self.only and not self._mover(version_renovate.KUBERNETES),
        )
        rows: list[Row] = []
        edits = list(self._table(steps.targets))
        for scope in self.pins.scopes:
            target = steps.targets[scope.kubernetes]
            for row, edit in (*self._kubernetes(scope, target), *self._addons(scope, target)):
                rows.append(row)
                edits += edit
        for row, edit in (self._flux(), *(self._chart(chart, steps.targets) for chart in self.pins.charts)):
            rows.append(row)
            edits += edit
        notes = (*self._notes(steps), *self._renovates())
        return Proposal(tuple(sorted(rows, key=_order)), tuple(edits), notes, self._unknown())

    # Kubernetes and its add-ons.

    def _kubernetes(self, scope: Scope, target: str) -> Iterator[tuple[Row, list[Edit]]]:
        if scope.at is None:
            return
        moved = target != scope.kubernetes
        name = f"Kubernetes of {scope.name}" if scope.name else "Kubernetes"
        row = Row(
            Kind.KUBERNETES,
            name,
            scope.path,
            scope.at.line,
            scope.kubernetes,
            self._support(scope.kubernetes),
            target if moved else None,
            self._support(target) if moved else None,
            self._mover(version_renovate.KUBERNETES),
        )
        places = [scope.at, *(self.pins.kubernetes_elsewhere if not scope.name else ())]
        yield row, [self._edit(place, target) for place in places] if moved else []

    def _support(self, minor: str) -> Support:
        listed = {each: support.until for each, support in self.pins.contract.support.items()}
        return version_support.of_minor(minor, self.offers.kubernetes, listed, self.today, CONTRACT)

    def _table(self, targets: Mapping[str, str]) -> Iterator[Edit]:
        """The contract's table of support dates: dates that EKS corrected, and the minors that are moved to."""
        table, offered = self.pins.contract.support, self.offers.kubernetes
        if isinstance(offered, Unknown) or Kind.KUBERNETES not in self.only:
            return
        for minor, support in table.items():
            until = offered[minor].standard_until if minor in offered else None
            if until is not None and until != support.until:
                yield Edit(support.at, _date(until))
        missing = sorted(set(targets.values()) - table.keys(), key=lambda minor: choice.number(minor) or 0)
        ends = [(minor, offered[minor].standard_until) for minor in missing if minor in offered]
        lines = [f'\n            KubernetesVersion("{minor}", {_date(until)}),' for minor, until in ends if until]
        if lines:
            yield Edit(self.pins.contract.support_ends, "".join(lines))

    def _addons(self, scope: Scope, target: str) -> Iterator[tuple[Row, list[Edit]]]:
        for name, pin in scope.addons.items():
            builds = self.offers.addons.get(name, Unknown("not asked"))
            chosen, support = pin, Support(None, f"unknown; pinned for Kubernetes {scope.kubernetes}")
            proposed: Support | None = None
            edits: list[Edit] = []
            if not isinstance(builds, Unknown):
                is_moving = target != scope.kubernetes
                if is_moving or Kind.ADDONS in self.only:
                    chosen = choice.addon(pin, builds, target) or pin
                support = version_support.of_build(pin, builds, scope.kubernetes)
                if chosen != pin or is_moving:
                    proposed = version_support.of_build(chosen, builds, target)
                    edits = self._repinned(scope, name, chosen, choice.known(chosen, builds, target), target)
            place = scope.places[name]
            label = f"{name} of {scope.name}" if scope.name else name
            new = chosen if chosen != pin else None
            yield Row(Kind.ADDONS, label, scope.path, place.line, pin, support, new, proposed if new else None), edits

    def _repinned(self, scope: Scope, name: str, pin: str, known: Sequence[str], minor: str) -> list[Edit]:
        place = scope.places[name]
        if scope.name:
            return [self._edit(place, pin)] if pin != scope.addons[name] else []
        listed = ", ".join(f'"{version}"' for version in known)
        return [Edit(place, f'"{minor}", ({listed}{"," if len(known) == 1 else ""})')]

    # Flux and charts.

    def _flux(self) -> tuple[Row, list[Edit]]:
        contract, offered = self.pins.contract, self.offers.flux
        mover, place = self._mover(version_renovate.FLUX), contract.flux_at
        new: str | None = None
        proposed: Support | None = None
        support = Support(None, "unknown: Flux supports its newest three minors, and which these are is not known")
        if not isinstance(offered, Unknown):
            support = version_support.of_flux(contract.flux, offered)
            newest = choice.flux(contract.flux, offered)
            if newest is not None and newest != contract.flux and Kind.FLUX in self.only:
                new, proposed = newest, version_support.of_flux(newest, offered)
        row = Row(Kind.FLUX, "Flux", place.path, place.line, contract.flux, support, new, proposed, mover)
        return row, [Edit(place, f'"{new}"')] if new and not mover else []

    def _chart(self, chart: Chart, targets: Mapping[str, str]) -> tuple[Row, list[Edit]]:
        offered, mover = self.offers.charts.get(chart.key, Unknown("not asked")), self._mover(chart.name)
        new: str | None = None
        proposed: Support | None = None
        support = Support(None, "unknown")
        minors = {targets[scope.kubernetes] for scope in self.pins.scopes}
        if not isinstance(offered, Unknown):
            support = version_support.of_chart(chart.version, offered, {each.kubernetes for each in self.pins.scopes})
            newest = choice.chart(chart.version, offered, minors)
            if newest is not None and newest != chart.version and Kind.CHARTS in self.only:
                new, proposed = newest, version_support.of_chart(newest, offered, minors)
        place = chart.places[0]
        row = Row(Kind.CHARTS, chart.name, place.path, place.line, chart.version, support, new, proposed, mover)
        return row, [self._edit(each, new) for each in chart.places] if new and not mover else []

    def _edit(self, place: Place, version: str) -> Edit:
        return Edit(place, f'"{version}"') if place.path == CONTRACT else quoted(self.texts(place.path), place, version)

    # What is said besides.

    def _rules(self) -> Iterator[tuple[str, Rule]]:
        named = {"Kubernetes": version_renovate.KUBERNETES, "Flux": version_renovate.FLUX}
        for shown, package in {**named, **{chart.name: chart.name for chart in self.pins.charts}}.items():
            rule = self.renovate.rule(package)
            if rule is not None:
                yield shown, rule

    def _mover(self, package: str) -> str:
        """The group in which Renovate moves a package without being asked; empty: it does not."""
        rule = self.renovate.rule(package)
        return "" if rule is None or rule.is_on_request else rule.group or "of its own"

    def _renovates(self) -> Iterator[str]:
        ours, its = ([name for name, rule in self._rules() if rule.is_on_request is asked] for asked in (True, False))
        if its:
            yield f"Renovate moves {', '.join(its)}, with the files that go with it: not in the diff"
        if ours:
            yield f"Renovate offers {', '.join(ours)} on its dashboard too: take each here or there, not both"

    def _notes(self, steps: choice.Steps) -> Iterator[str]:
        for minor, reasons in steps.blocked.items():
            yield from (f"Kubernetes {minor} is not proposed: {reason}" for reason in reasons)
        for scope in self.pins.scopes:
            target = steps.targets[scope.kubernetes]
            if target != scope.kubernetes:
                for group in scope.ami_releases:
                    yield f"{scope.path}: raise nodeGroups.{group}.amiRelease to a release of {target} too"
        for chart in self.pins.charts:
            offered = self.offers.charts.get(chart.key)
            if choice.release(chart.version) is None:
                yield f"{chart.name}: {chart.version} is not an exact version, so nothing is proposed for it"
            elif isinstance(offered, list | tuple):
                yield from self._about_chart(chart, offered, steps)

    def _about_chart(self, chart: Chart, offered: Sequence[choice.ChartVersion], steps: choice.Steps) -> Iterator[str]:
        minors = {steps.targets[scope.kubernetes] for scope in self.pins.scopes}
        chosen, newest = (choice.chart(chart.version, offered, wanted) for wanted in (minors, ()))
        if newest is not None and newest != chosen:
            kube = next(each.kube for each in offered if each.version == newest)
            yield f"{chart.name}: {newest} is not proposed: it wants Kubernetes {kube}"
        before, after = semver.parse(chart.version), semver.parse(chosen or "")
        if before and after and before.numbers[0] != after.numbers[0] and Kind.CHARTS in self.only:
            yield f"{chart.name}: {chart.version} to {chosen} is a new major version: read its upgrade notes"

    def _unknown(self) -> Mapping[str, str]:
        """What is not known, each pin once."""
        found = {"Kubernetes": self.offers.kubernetes, **self.offers.addons, "Flux": self.offers.flux}
        found |= {key.rpartition("/")[2]: each for key, each in self.offers.charts.items()}
        return {source: each.why for source, each in found.items() if isinstance(each, Unknown)}


def _order(row: Row) -> int:
    return list(Kind).index(row.kind)


def _date(day: date) -> str:
    return f"date({day.year}, {day.month}, {day.day})"
