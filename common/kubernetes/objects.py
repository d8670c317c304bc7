"""What an object of the API says, read as kubectl and kstatus read it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping


def at(thing: Mapping[str, Any], *path: str) -> Any:
    """The value at a path of keys; None if there is none."""
    value: Any = thing
    for key in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(key)
    return value


def mapping(thing: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The mapping at a path; an empty one if there is none."""
    value = at(thing, *path)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def mappings(thing: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """The mappings of the list at a path; none if there is none."""
    value = at(thing, *path)
    listed = cast("list[dict[str, Any]]", value) if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, dict)]  # pyright: ignore[reportUnnecessaryIsInstance]  # unchecked till here


def text(thing: Mapping[str, Any], *path: str) -> str:
    """The text at a path; empty if there is none."""
    value = at(thing, *path)
    return "" if value is None else str(value)


def number(thing: Mapping[str, Any], *path: str, default: int = 0) -> int:
    """The number at a path."""
    value = at(thing, *path)
    return value if isinstance(value, int) else default


def name_of(thing: Mapping[str, Any]) -> str:
    """`namespace/name`, or the name of what has no namespace."""
    namespace = text(thing, "metadata", "namespace")
    return f"{namespace}/{thing['metadata']['name']}" if namespace else text(thing, "metadata", "name")


def condition(thing: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A condition of an object; empty if it has none of that type."""
    found = [each for each in mappings(thing, "status", "conditions") if each.get("type") == kind]
    return found[0] if found else {}


def is_observed(thing: Mapping[str, Any]) -> bool:
    """Whether the controller has seen the object as it is now."""
    return at(thing, "status", "observedGeneration") == at(thing, "metadata", "generation")


def is_ready(thing: Mapping[str, Any]) -> bool:
    """Whether its condition Ready holds."""
    return condition(thing, "Ready").get("status") == "True"


def is_available(deployment: Mapping[str, Any]) -> bool:
    """Whether a Deployment has all of its replicas, of its newest template (as `kubectl rollout status`)."""
    wanted = number(deployment, "spec", "replicas", default=1)
    counts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return is_observed(deployment) and all(number(deployment, "status", each) >= wanted for each in counts)


def is_rolled_out(daemon_set: Mapping[str, Any]) -> bool:
    """Whether a DaemonSet is ready on each node that it wants."""
    wanted = number(daemon_set, "status", "desiredNumberScheduled")
    return is_observed(daemon_set) and 0 < wanted <= number(daemon_set, "status", "numberReady")


def pod_reason(pod: Mapping[str, Any]) -> str:
    """Why a pod is not ready; empty if it does not say."""
    for each in [*mappings(pod, "status", "initContainerStatuses"), *mappings(pod, "status", "containerStatuses")]:
        waiting = mapping(each, "state", "waiting")
        if waiting.get("reason"):
            return _joined(waiting)
    scheduled = condition(pod, "PodScheduled")
    return _joined(scheduled) if scheduled.get("status") == "False" else text(pod, "status", "reason")


def _joined(said: Mapping[str, Any]) -> str:
    return ": ".join(str(said[part]) for part in ("reason", "message") if said.get(part))
