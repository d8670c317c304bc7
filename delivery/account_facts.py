"""What AWS says of the account that is configured: nothing, where there are no credentials of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.aws import Aws
from permanent.preflight import facts
from permanent.preflight.judge import zone_problem
from permanent.preflight.verdict import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from permanent.preflight.facts import Asker


@dataclass(frozen=True)
class AccountFacts:
    """Asks AWS, when a question needs it; None or empty: it did not say.

    Attributes:
        clients: those of a region.
    """

    clients: Callable[[str], Aws] = Aws

    def role(self, account_id: str, region: str, name: str) -> str | None:
        """The ARN of the role of a name."""
        asker = self._asker(account_id, region)
        found = facts.role_of(asker, name) if asker else None
        return None if isinstance(found, Unknown) else found

    def zones(self, account_id: str, region: str) -> Mapping[str, str]:
        """The zones in which EKS takes subnets, each with its id."""
        asker = self._asker(account_id, region)
        found = facts.zones_of(asker) if asker else Unknown("")
        if isinstance(found, Unknown):
            return {}
        return {name: zone.zone_id for name, zone in sorted(found.items()) if not zone_problem(zone)}

    def _asker(self, account_id: str, region: str) -> Asker | None:
        """What asks, where the credentials are of the account: letters of zones are another's elsewhere."""
        aws = self.clients(region)
        return facts.Asker(aws) if facts.place(aws, region).account == account_id else None
