"""Judges what AWS said against the settings: no call is made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.contract import names
from infra.contract.zones import REFUSED_BY_EKS
from permanent.preflight import quotas
from permanent.preflight.quotas import NAT_GATEWAYS, REGIONAL, Quota
from permanent.preflight.verdict import Line, Unknown, bad, good, told, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import permanent.settings
    from infra.settings import Settings
    from permanent.preflight.facts import AccountFacts, Place, StackFacts, Support, Zone

ACCOUNT, REGION, PROVIDER = "account", "region", "GitHub's identity provider"
AUDIENCE = "sts.amazonaws.com"
ENABLED = ("opt-in-not-required", "opted-in")
SSO_PREFIX = "AWSReservedSSO_"
"""How the names of the roles begin that IAM Identity Center makes (its user guide, "Referencing permission sets")."""

SHOWN = 5
"""How many of the versions that EKS offers are named."""


def of_place(place: Place, layer: permanent.settings.Settings, stacks: Mapping[str, Settings]) -> list[Line]:
    """Whether credentials, environment and all files are of one account and region, which is enabled."""
    return [*_account(place, layer), *_files(layer, stacks), *_region(place, layer.region)]


def _account(place: Place, layer: permanent.settings.Settings) -> Iterator[Line]:
    setting = f"{names.PERMANENT_PROJECT}:accountId"
    if isinstance(place.account, Unknown):
        yield unknown(ACCOUNT, place.account.why, "get credentials of the account, and run this again")
    elif place.account != layer.account_id:
        yield bad(
            ACCOUNT,
            f"the credentials are of account {place.account}, but {setting} is {layer.account_id}",
            "use that account's credentials, or correct the setting",
        )
    else:
        yield good(ACCOUNT, f"{place.account}, as in the config")


def _files(layer: permanent.settings.Settings, stacks: Mapping[str, Settings]) -> Iterator[Line]:
    for stack, settings in stacks.items():
        file = f"Pulumi.{stack}.yaml"
        here, there = (settings.account_id, settings.region), (layer.account_id, layer.region)
        remedy = f"`fleet configure --stack {stack}` writes both files"
        if here != there:
            says = f"{file} names {here[0]} in {here[1]}, but the permanent layer is of {there[0]} in {there[1]}"
            yield bad(ACCOUNT, says, remedy)
        if settings.cluster_name not in layer.clusters:
            listed = ", ".join(layer.clusters)
            says = f"the cluster {settings.cluster_name} of {file} is not in the permanent layer's list ({listed})"
            yield bad(ACCOUNT, says, f"{remedy}; then `make account`")


def _region(place: Place, region: str) -> Iterator[Line]:
    yield from (
        bad(
            REGION,
            f"{name} is {value}, but {names.PERMANENT_PROJECT}:region is {region}",
            f"unset {name}, or set it to {region}",
        )
        for name, value in place.region_variables.items()
        if value != region
    )
    if isinstance(place.opt_in, Unknown):
        yield unknown(REGION, f"whether {region} is enabled: {place.opt_in.why}")
    elif place.opt_in is None:
        yield bad(REGION, f"AWS has no region {region}", f"correct {names.PERMANENT_PROJECT}:region")
    elif place.opt_in not in ENABLED:
        yield bad(
            REGION,
            f"{region} is not enabled in the account ({place.opt_in})",
            f"enable it, which takes minutes to hours: `aws account enable-region --region-name {region}`",
        )
    else:
        yield good(REGION, f"{region} is enabled")


def of_account(facts: AccountFacts, layer: permanent.settings.Settings) -> list[Line]:
    """GitHub's provider, the linked roles, the permanent layer."""
    return [_provider(facts, layer), *_linked_roles(facts), *_layer(facts)]


def _provider(facts: AccountFacts, layer: permanent.settings.Settings) -> Line:
    found, setting = facts.provider, f"{names.PERMANENT_PROJECT}:adoptGithubProvider"
    arn = names.provider_arn(layer.account_id)
    if isinstance(found, Unknown):
        return unknown(PROVIDER, found.why)
    if found is None:
        if layer.adopt_github_provider:
            return bad(PROVIDER, f"{setting} is true, but {arn} does not exist", f"set {setting} to false")
        return good(PROVIDER, "not there yet, `make account` creates it")
    if found.is_ours:
        return good(PROVIDER, "created by the permanent layer")
    if not layer.adopt_github_provider:
        return bad(
            PROVIDER,
            f"{arn} exists already, and an account has one of a URL",
            f"set {setting} to true in permanent/Pulumi.account.yaml: the permanent layer then adopts it unchanged",
        )
    if AUDIENCE not in found.client_ids:
        return bad(
            PROVIDER,
            f"{arn} does not have the audience {AUDIENCE}, without which no workflow can assume a role",
            f"aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} "
            f"--client-id {AUDIENCE}",
        )
    return good(PROVIDER, "exists, adopted by the permanent layer")


def _linked_roles(facts: AccountFacts) -> Iterator[Line]:
    for service, is_there in facts.linked_roles.items():
        subject = f"service-linked role of {service}"
        if isinstance(is_there, Unknown):
            yield unknown(subject, is_there.why)
        elif is_there:
            yield good(subject, "exists")
        else:
            yield unknown(
                subject,
                "does not exist; AWS creates it on first use, unless an organization's policy denies that",
                f"to be sure: aws iam create-service-linked-role --aws-service-name {service}",
            )


def _layer(facts: AccountFacts) -> Iterator[Line]:
    subject = "permanent layer"
    missing = [name for name, is_there in facts.layer.items() if is_there is False]
    there = [name for name, is_there in facts.layer.items() if is_there is True]
    if there:
        yield good(subject, f"there: {', '.join(there)}")
    if missing:
        yield bad(subject, f"missing: {', '.join(missing)}", "`make account`, as an administrator")
    for name, is_there in facts.layer.items():
        if isinstance(is_there, Unknown):
            yield unknown(subject, f"{name}: {is_there.why}")


@dataclass(frozen=True)
class StackJudge:
    """Judges what a stack will meet.

    Attributes:
        stack: its name.
        settings: its settings.
        facts: what AWS says.
        today: the day of the check.
    """

    stack: str
    settings: Settings
    facts: StackFacts
    today: date

    def lines(self) -> list[Line]:
        """All of them."""
        return [
            *self._people(),
            *self._zones(),
            *self._instance_types(),
            self._version(),
            *self._addons(),
            *self._quotas(),
        ]

    def _subject(self, what: str) -> str:
        return f"{self.stack}: {what}"

    def _file(self, key: str) -> str:
        return f"{names.PROJECT}:{key} in Pulumi.{self.stack}.yaml"

    def _people(self) -> Iterator[Line]:
        for arn, found in self.facts.people.items():
            role, (what, key) = names.role_name(arn), self._access(arn)
            subject, setting = self._subject(what), self._file(key)
            if isinstance(found, Unknown):
                yield unknown(subject, f"role {role}: {found.why}")
            elif found is None:
                what = "assign the permission set to the account" if SSO_PREFIX in arn else "create it"
                yield bad(
                    subject,
                    f"role {role} does not exist in account {self.settings.account_id}",
                    f"{what}, or set another role: {setting}",
                )
            elif found != arn:
                yield bad(
                    subject, f"{arn} does not exist; the role of that name is {found}", f"set {setting} to {found}"
                )
            else:
                yield good(subject, f"role {role} exists")

    def _access(self, arn: str) -> tuple[str, str]:
        """What a role is in the cluster, and the setting that names it."""
        if arn in self.settings.cluster_admins:
            return "cluster admin", f"clusterAdmins[{self.settings.cluster_admins.index(arn)}]"
        viewers = [access.role for access in self.settings.cluster_viewers]
        return ("cluster viewer", "clusterViewers") if arn in viewers else ("cluster editor", "clusterEditors")

    def _zones(self) -> list[Line]:
        subject, zones = self._subject("zones"), self.facts.zones
        if isinstance(zones, Unknown):
            return [unknown(subject, zones.why)]
        usable = sorted(name for name, zone in zones.items() if not zone_problem(zone))
        remedy = f"set {self._file('zones')} to two or more of {', '.join(usable)}"
        problems = [
            bad(subject, f"{name}: {problem}", remedy)
            for name in self.settings.zones
            if (problem := zone_problem(zones.get(name)))
        ]
        shown = ", ".join(f"{name} ({zones[name].zone_id})" for name in self.settings.zones if name in zones)
        return told(subject, problems, shown)

    def _instance_types(self) -> list[Line]:
        subject, offered = self._subject("instance types"), self.facts.offered
        if isinstance(offered, Unknown):
            return [unknown(subject, offered.why)]
        problems = [
            bad(
                subject,
                f"{kind} is not offered in {zone}",
                f"take it out of {self._file('nodeGroups')}, or choose other zones: {self._file('zones')}",
            )
            for kind in quotas.instance_types(self.settings)
            for zone in self.settings.zones
            if zone not in offered.get(kind, ())
        ]
        return told(subject, problems, f"{', '.join(quotas.instance_types(self.settings))}: offered in each zone")

    def _version(self) -> Line:
        subject, version, found = self._subject("Kubernetes"), self.settings.kubernetes_version, self.facts.support
        setting = self._file("kubernetesVersion")
        if isinstance(found, Unknown):
            return unknown(subject, found.why)
        if found is None:
            return bad(subject, f"EKS does not offer {version}", f"set another: {setting}")
        if self._is_supported(found):
            return good(subject, f"{version} is in standard support until {found.until}")
        return bad(
            subject,
            f"{version} is past standard support, which ended on {found.until}: EKS charges six times as much",
            f"raise {setting}",
        )

    def _is_supported(self, support: Support) -> bool:
        return support.status == "STANDARD_SUPPORT" and (support.until is None or self.today <= support.until)

    def _addons(self) -> Iterator[Line]:
        version, subject = self.settings.kubernetes_version, self._subject("add-ons")
        offered: list[str] = []
        for addon, found in self.facts.addons.items():
            pin = self.settings.addon_version(addon)
            if isinstance(found, Unknown):
                yield unknown(subject, f"{addon}: {found.why}")
            elif pin not in found:
                newest = f"one of {', '.join(found[:SHOWN])}" if found else "none is offered for this version"
                yield bad(
                    subject,
                    f"{addon} {pin} is not offered for Kubernetes {version}",
                    f"set {self._file(f'addonVersions.{addon}')}: {newest}",
                )
            else:
                offered.append(f"{addon} {pin}")
        if offered:
            yield good(subject, f"offered for Kubernetes {version}: {', '.join(offered)}")

    def _quotas(self) -> Iterator[Line]:
        vcpus, types = self.facts.vcpus, quotas.instance_types(self.settings)
        counted = [each for each in types if quotas.is_standard(each)]
        if isinstance(vcpus, Unknown):
            yield unknown(self._subject("quotas of vCPUs"), _whys(vcpus, self.facts.used[quotas.ON_DEMAND]))
            vcpus = {}
        others = sorted(set(types) - set(counted))
        if others:
            yield unknown(
                self._subject("quotas of vCPUs"),
                f"{', '.join(others)}: not of a standard family, whose quota is another",
                "look it up: Service Quotas, Amazon EC2",
            )
        needed = quotas.needs(self.settings, {**dict.fromkeys(counted, 0), **vcpus})
        for quota in REGIONAL:
            if needed.get(quota):
                yield self._quota(quota, needed[quota], self.facts.used[quota])
        yield from self._nat_gateways()

    def _nat_gateways(self) -> Iterator[Line]:
        for zone in quotas.nat_zones(self.settings):
            used = self.facts.nat_gateways
            count = used if isinstance(used, Unknown) else used.get(zone, 0)
            yield self._quota(NAT_GATEWAYS, 1, count, f" ({zone})")

    def _quota(self, quota: Quota, needed: int, used: int | Unknown, where: str = "") -> Line:
        subject = self._subject(f"quota of {quota.name}{where}")
        limit = self.facts.limits[quota]
        if isinstance(limit, Unknown) or isinstance(used, Unknown):
            return unknown(subject, _whys(limit, used))
        says = f"{needed} needed, {used} of {limit} used by others"
        if needed + used <= limit:
            return good(subject, says)
        return bad(
            subject,
            says,
            f"aws service-quotas request-service-quota-increase --region {self.settings.region} "
            f"--service-code {quota.service} --quota-code {quota.code} --desired-value {needed + used}",
        )


def _whys(*facts: object) -> str:
    """Why those of the facts are unknown that are, each reason once."""
    return "; ".join(dict.fromkeys(fact.why for fact in facts if isinstance(fact, Unknown)))


def zone_problem(zone: Zone | None) -> str:
    """Why a cluster cannot be in a zone of the account; empty: it can."""
    if zone is None:
        return "the account has no such zone"
    if zone.zone_id in REFUSED_BY_EKS:
        return f"EKS takes no subnet in {zone.zone_id}"
    return "" if zone.state == "available" else f"is {zone.state}"
