"""Label selectors, as the API server reads them. Source: Kubernetes API, LabelSelector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.manifests import listed, mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a selector takes something with these labels; an empty one takes everything."""
    exact = mapping(selector.get("matchLabels")).items()
    return all(labels.get(key) == value for key, value in exact) and all(
        _holds(expression, labels) for expression in mappings(selector.get("matchExpressions"))
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, values = str(expression.get("key")), listed(expression.get("values"))
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
