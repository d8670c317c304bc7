"""S8: a manifest has a literal of one account or one cluster.

The same manifests serve every account and every rebuild; a VPC's id changes each day. The values come from the
ConfigMap.

Bad:
    image: 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app

Good:
    image: ${ECR_REGISTRY}/app
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import scalars
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S8", Stage.SUBSTITUTION, Severity.ERROR)

LITERAL = re.compile(
    r"\b\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com|\barn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:"
    r"|\b(?:vpc|subnet|sg|eipalloc|igw|nat|rtb)-[0-9a-f]{8,17}\b"
)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each value with an account id in an ARN or a registry, or an id that AWS gives."""
    for each in model.tree.objects:
        if each.owner == model.tree.bootstrap.id:
            continue
        for path, value in scalars(each.built_data):
            found = LITERAL.search(value) if isinstance(value, str) and "\n" not in value else None
            if found:
                yield rule.at(
                    each,
                    *path,
                    why=f"{found[0]} is of one account or cluster",
                    remedy="take it from the ConfigMap, by a variable",
                )
