r"""DNS records that point at a load balancer of the cluster that is gone: listed for a person, never changed.

Sources: Elastic Load Balancing user guides, "DNS name"; external-dns, provider/aws/aws.go (the suffixes of load
balancers in each region), registry/txt.go and endpoint/labels.go (TXT records that say who made a record); AWS Load
Balancer Controller, pkg/ingress/model_build_load_balancer.go and pkg/service/model_build_load_balancer.go; Kubernetes,
k8s.io/cloud-provider, DefaultLoadBalancerName; Route 53 developer guide, "DNS domain name format" (`\052` is `*`).
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from common.aws import account_of, said
from common.errors import UnknownError
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from common.aws import Aws
    from teardown.target import Target

SETTING = f"{names.PROJECT}:hostedZoneIds"
PERMANENT_SETTING = f"{names.PERMANENT_PROJECT}:hostedZoneIds"

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
OF_CONTROLLER = re.compile(
    r"(?:internal-)?(?:k8s-(?:[a-z0-9]{1,8}-[a-z0-9]{1,8}|[a-z0-9]{1,17})-[0-9a-f]{10}|a[0-9a-f]{31})"
    r"-(?:\d+|[0-9a-f]{16})"
)
"""The first label of the DNS name, where the load balancer controller or the cloud provider named the load balancer."""

REGISTERED_TYPES = ("a", "aaaa", "cname")
"""What external-dns writes before the name of a record, and a dash: that makes the name of its TXT record."""

DEFAULT_OWNER = "default"
"""What external-dns is called that nobody has named: it says nothing."""


class Evidence(Enum):
    """Why a record is taken for one of the cluster."""

    SEEN = "seen"
    """This run saw the load balancer in the cluster, or deleted it."""
    REGISTERED = "registered"
    """external-dns wrote that the record is the cluster's."""
    NAMED = "named"
    """The load balancer's name is one that controllers give. It says nothing of the cluster, nor of the account."""


@dataclass(frozen=True)
class Zone:
    """A hosted zone with its records, as Route 53 lists them."""

    id: str
    name: str
    is_private: bool
    records: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Record:
    """A record that points at a load balancer that no longer exists."""

    zone: Zone
    balancer: str
    """The DNS name of the load balancer, in one spelling."""
    evidence: Evidence
    target: Target
    listed: Mapping[str, Any]
    """As Route 53 lists it: a deletion must repeat every value."""

    @property
    def label(self) -> str:
        """Type, name, and which of several records of that name and type it is."""
        named = " ".join(_shown(self.listed.get(key, "?")) for key in ("Type", "Name"))
        several = self.listed.get("SetIdentifier")
        return f"{named} (set identifier {_shown(several)})" if several else named

    @property
    def command(self) -> str:
        """What a person removes it with."""
        batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": self.listed}]}
        # A backtick would end the code of a summary: JSON has another way to write it.
        text = json.dumps(batch, default=str).replace("`", r"\u0060")
        command = f"aws route53 change-resource-record-sets --hosted-zone-id {self.zone.id} --change-batch"
        return f"{command} {shlex.quote(text)}"

    @property
    def note(self) -> str:
        """What is known of it, and what to do."""
        sort = "private hosted zone" if self.zone.is_private else "hosted zone"
        where = f"{sort} {self.zone.id} ({_shown(self.zone.name)})"
        cluster, absent = self.target.cluster, f"not in {self.target.account_id}, {self.target.region}"
        known = {
            Evidence.SEEN: f"a load balancer of {cluster} that no longer exists. Remove the record:",
            Evidence.REGISTERED: f"a load balancer that is {absent}; external-dns made the record for {cluster}. "
            "Remove the record:",
            Evidence.NAMED: f"a load balancer that is {absent}. Its name is one that Kubernetes controllers give, but "
            "it may be another cluster's, or exist in another account. Check that, then remove the record:",
        }[self.evidence]
        return f"DNS record {self.label} in {where} points at {self.balancer}, {known} {self.command}"


@dataclass(frozen=True)
class Records:
    """What a look into the zones has shown."""

    found: tuple[Record, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be looked at, and why, a line each."""


def dangling(aws: Aws, target: Target, zones: Sequence[str], gone: Collection[str] = ()) -> Records:
    """Look for records that point at load balancers of the cluster that are gone; without zones, at nothing.

    Args:
        aws: the clients.
        target: the cluster: its account and region are where its load balancers would be.
        zones: the hosted zones that are looked into.
        gone: the DNS names that load balancers of the cluster are known to have had.
    """
    if not zones:
        return Records()
    read: list[Zone] = []
    unknown: list[str] = []
    try:
        _check_account(aws, target)
        for zone in zones:
            try:
                read.append(_read(aws, zone))
            except UnknownError as error:
                unknown.append(
                    f"DNS records of hosted zone {zone}: {error}. {SETTING} names the zone. The deploy role reads the "
                    f"zones of {PERMANENT_SETTING}: add it there and apply the permanent layer, or remove it here"
                )
        # After the records: what is made meanwhile is then not missing.
        alive = _balancers(aws, target.region) if read else frozenset[str]()
    except UnknownError as error:
        return Records(unknown=(*unknown, f"DNS records without a load balancer ({SETTING}): {error}"))
    seen = {balancer_in(name, target.region) for name in gone}
    found = [record for zone in read for record in _dangling(zone, target, alive, seen)]
    return Records(tuple(found), tuple(unknown))


def balancer_in(name: str, region: str) -> str:
    """The DNS name of a load balancer of a region in one spelling; empty if it is another name.

    Application and classic load balancers are `<label>.<region>.elb.amazonaws.com`, network load balancers
    `<label>.elb.<region>.amazonaws.com`; `dualstack.` before it names the same.
    """
    spelled = name.lower().removesuffix(".").removeprefix("dualstack.")
    suffix = rf"(?:{region}\.elb|elb\.{region})\.amazonaws\.com"
    return spelled if re.fullmatch(rf"{LABEL}\.{suffix}", spelled) else ""


def target_of(record: Mapping[str, Any], region: str) -> str:
    """The DNS name of the load balancer of a region that a record points at, as an alias or a CNAME; empty if none."""
    if "AliasTarget" in record:
        return balancer_in(record["AliasTarget"].get("DNSName", ""), region)
    found = [balancer_in(value, region) for value in _values(record, "CNAME")]
    return next(filter(None, found), "")


def owners_in(records: Collection[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Name of a TXT record → what external-dns calls itself in it; records with another text are left out."""
    owners: dict[str, set[str]] = {}
    for record in records:
        for value in _values(record, "TXT"):
            parts = (part.partition("=") for part in value.strip('"').split(","))
            labels = {key: text for key, _, text in parts}
            owner = labels.get("external-dns/owner")
            if labels.get("heritage") == "external-dns" and owner:
                owners.setdefault(_name(record), set()).add(owner)
    return owners


def _name(record: Mapping[str, Any]) -> str:
    return record.get("Name", "").lower()


def _values(record: Mapping[str, Any], kind: str) -> list[str]:
    """The values of a record that is of a type and no alias."""
    values = record.get("ResourceRecords", ()) if record.get("Type") == kind else ()
    return [each.get("Value", "") for each in values]


def _check_account(aws: Aws, target: Target) -> None:
    """Elsewhere every load balancer of the cluster would seem to be gone. Raises UnknownError."""
    account = account_of(aws)
    if account != target.account_id:
        raise UnknownError(f"the credentials are of account {account}, {target.cluster} is in {target.account_id}")


def _read(aws: Aws, zone: str) -> Zone:
    """A zone, whole. Raises UnknownError."""
    with said("route53", "get_hosted_zone"):
        found = aws.client("route53").get_hosted_zone(Id=zone)["HostedZone"]
        name, is_private = found["Name"], bool(found.get("Config", {}).get("PrivateZone"))
    records = tuple(aws.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone))
    return Zone(zone, name, is_private, records)


def _balancers(aws: Aws, region: str) -> frozenset[str]:
    """The DNS names of all load balancers of the account and region. Raises UnknownError."""
    found = [
        *aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"),
        *aws.pages("elb", "describe_load_balancers", "LoadBalancerDescriptions"),
    ]
    return frozenset(balancer_in(each.get("DNSName", ""), region) for each in found)


def _dangling(zone: Zone, target: Target, alive: Collection[str], seen: Collection[str]) -> list[Record]:
    owners = owners_in(zone.records)
    found: list[Record] = []
    for record in zone.records:
        balancer = target_of(record, target.region)
        if not balancer or balancer in alive:
            continue
        evidence = _evidence(balancer, seen, _owners_of(_name(record), owners), target.cluster)
        if evidence:
            found.append(Record(zone, balancer, evidence, target, record))
    return found


def _owners_of(name: str, owners: Mapping[str, set[str]]) -> set[str]:
    """Whose a record is by the TXT records next to it, where external-dns has no prefix or suffix of a user's."""
    beside = (name, *(f"{kind}-{name}" for kind in REGISTERED_TYPES))
    return {owner for each in beside for owner in owners.get(each, ())} - {DEFAULT_OWNER}


def _evidence(balancer: str, seen: Collection[str], owners: Collection[str], cluster: str) -> Evidence | None:
    """None where nothing says that it is the cluster's, or external-dns says that it is another's."""
    if balancer in seen:
        return Evidence.SEEN
    if owners:
        return Evidence.REGISTERED if set(owners) == {cluster} else None
    return Evidence.NAMED if OF_CONTROLLER.fullmatch(balancer.partition(".")[0]) else None


def _shown(text: str) -> str:
    """A name of Route 53's as it may stand in a line: all but letters, digits and a few signs escaped as it does."""
    plain = text.replace(r"\052", "*")
    return re.sub(r"[^A-Za-z0-9._*\\-]", lambda found: "".join(f"\\{byte:03o}" for byte in found[0].encode()), plain)
