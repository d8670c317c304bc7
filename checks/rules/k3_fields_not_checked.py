"""K3: an object's kind is known, but not its fields.

A chart of the table installs its CRD, or the tree does, but no schema of it is to be had here. A misspelt field would
not be noticed.

Bad:
    apiVersion: elbv2.k8s.aws/v1beta1
    kind: TargetGroupBinding

Good:
    # nothing to do but to read twice
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import schema
from checks.charts import that_install
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("K3", Stage.SCHEMA, Severity.NOTE)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such object."""
    for verdict in model.verdicts:
        each = verdict.object
        if verdict.outcome is schema.Outcome.ERROR and schema.is_without_schema(model.flux, each):
            charts = that_install((each.group, each.kind))
            source = f"the CRDs of {' or '.join(charts)} are" if charts else "its CRD is"
            why = f"its fields were not checked: {source} not among the schemas"
            yield rule.at(each, "kind", why=why, remedy="check its fields against the chart's documentation")
