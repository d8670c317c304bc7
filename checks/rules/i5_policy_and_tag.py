"""I5: an ImagePolicy refuses the tag that is there, or takes one that is no release.

A tag that the policy refuses was set by hand, and the first update may go backwards. A policy that takes pre-releases
or anything else rolls out what nobody released.

Bad:
    policy: {semver: {range: ">=1.0.0-0"}}        # takes v1.1.0-rc.1

Good:
    filterTags: {pattern: '^v[0-9]+\\.[0-9]+\\.[0-9]+$'}
    policy: {semver: {range: ">=1.0.0"}}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks import images, semver
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("I5", Stage.ORDER, Severity.ERROR)

NO_RELEASES = ("v1.1.0-rc.1", "1.1.0-alpha", "latest", "main", "sha-0a1b2c3", "v1.1.0-20261127")


def check(model: Model) -> Iterator[Finding]:
    """One finding for each policy that takes too much, or cannot be read, and for each tag that it refuses."""
    policies = images.policies(model.tree)
    refused: set[str] = set()
    for name, policy in policies.items():
        try:
            taken = [tag for tag in NO_RELEASES if images.selects(policy, tag)]
        except (semver.RangeError, re.error, IndexError) as error:
            refused.add(name)
            remedy = "correct the range, or the pattern"
            yield rule.at(policy, "spec", "policy", why=f"it cannot be read: {error}", remedy=remedy)
            continue
        if taken:
            why = f"it takes {', '.join(taken)}, which {'is' if len(taken) == 1 else 'are'} no release"
            remedy = (
                r"filter tags by a pattern such as ^v[0-9]+\.[0-9]+\.[0-9]+$, and take pre-releases out of the range"
            )
            yield rule.at(policy, "spec", "policy", why=why, remedy=remedy)
    for marker in model.markers:
        policy, tag = policies.get(marker.policy), marker.tag
        if policy is None or marker.policy in refused or tag is None:
            continue
        if images.selects(policy, tag) is False:
            why = (
                f"the ImagePolicy {marker.policy} refuses the tag {tag} that is there" if tag else "there is no tag yet"
            )
            remedy = "set a tag that the policy takes, or correct the policy"
            yield rule.on(marker.file, marker.line, f"marker {marker.policy}", why=why, remedy=remedy)
