"""Create, read, update and delete a resource of a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import mapping
from .diff import changes, touches
from .errors import AwsError, IncompleteError, ProviderError
from .names import DEFAULTS
from .row import Resource
from .values import UNKNOWN, as_map, is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .row import Account, Invoke, Property, Response, Row, Step, Wait

State = dict[str, Any]

HELD = frozenset({"DependencyViolation", "ResourceInUseException", "DeleteConflict", "InvalidParameterValue"})
"""AWS's codes where something else needs what is to be deleted (EC2, EKS and IAM API references)."""


@dataclass(frozen=True)
class Lifecycle:
    """The operations on one resource: of a row's type, named `name`, in an account."""

    row: Row
    name: str
    account: Account
    invoke: Invoke
    wait: Wait
    default_tags: Mapping[str, Any]
    patience: Wait | None = None
    """For what AWS refuses to delete as yet; None: the refusal stands."""

    def preview_create(self, inputs: Mapping[str, Any]) -> State:
        """The state that a creation will give, as far as it is known."""
        given = {name: value for name, value in inputs.items() if name != DEFAULTS}
        return dict.fromkeys(self.row.outputs, UNKNOWN) | _with_unknowns(self.row.inputs, given)

    def create(self, inputs: Mapping[str, Any]) -> tuple[str, State]:
        """Make the resource. Raises ProviderError if it was not made, IncompleteError if that did not finish."""
        row, resource = self.row, self._resource(UNKNOWN, inputs)
        try:
            response = resource.make()
        except AwsError as error:
            raise self._told(error, inputs) from error
        resource = replace(resource, id=row.key.make(resource, response))
        try:
            return resource.id, self._finish(resource, _creating_steps(resource))
        except ProviderError as error:
            state = {name: value for name, value in inputs.items() if name != DEFAULTS}
            raise IncompleteError(resource.id, state, str(error)) from error

    def read(self, given: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[str, State, State]:
        """The id, state and inputs of what is there; an empty id if nothing is.

        Without state it is an import, which knows the id and nothing else, whatever inputs the engine has
        (pulumi-terraform-bridge, Read in pkg/tfbridge/provider.go: `isRefresh`).
        """
        resource_id, told = self.row.key.parse(given)
        resource = self._resource(resource_id, {**told, **inputs, **state} if state else told)
        found = self._describe(resource)
        if found is None:
            return "", {}, {}
        now = self._state(found, resource.values)
        if state:
            return resource_id, now, self._inputs(now, inputs)
        imported = {name: now[name] for name in self.row.inputs if name in now}
        return self.row.key.imported(found) if self.row.key.imported else resource_id, now, imported

    def preview_update(self, old: Mapping[str, Any], old_inputs: Mapping[str, Any], new: Mapping[str, Any]) -> State:
        """The state that an update will give, as far as it is known."""
        outputs = {name: value for name, value in old.items() if name not in self.row.inputs}
        told = outputs | _with_kept(self.row.inputs, old, new)
        for step in self._changed_steps(old_inputs, new):
            told |= dict.fromkeys(step.computes, UNKNOWN)
        return told

    def update(
        self, resource_id: str, old: Mapping[str, Any], old_inputs: Mapping[str, Any], new: Mapping[str, Any]
    ) -> State:
        """Change the resource in place. Without a change: finish what its creation left open."""
        known = {name: value for name, value in old.items() if name in self.row.outputs}
        resource = self._resource(resource_id, {**known, **new}, old_inputs)
        differ = changes(self.row, old_inputs, new)
        try:
            self._retag(resource)
        except AwsError as error:
            raise self._told(error, new) from error
        return self._finish(resource, self._changed_steps(old_inputs, new) if differ else _creating_steps(resource))

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove the resource; one that is gone is success. Raises ProviderError.

        What AWS refuses because something else needs it is tried again, if there is patience, as pulumi-aws does.
        """
        resource = self._resource(resource_id, state)
        try:
            if self.patience:
                self.patience(f"{self.name} to be let go", lambda: self._let_go(resource))
            else:
                self._ask_delete(resource)
        except AwsError as error:
            # What is missing may be something else than the resource.
            if error.missing and self._describe(resource) is None:
                return
            raise self._told(error, state) from error
        if self.row.status:
            self.wait(f"{self.name} to be gone", lambda: self._gone(resource))

    def _ask_delete(self, resource: Resource) -> None:
        if isinstance(self.row.delete, str):
            resource.ask(self.row.delete)
        else:
            self.row.delete(resource)

    def _let_go(self, resource: Resource) -> tuple[bool, str]:
        """Whether AWS deletes it now, else what holds it. Raises AwsError: another refusal."""
        try:
            self._ask_delete(resource)
        except AwsError as error:
            if error.code not in HELD:
                raise
            return False, str(error)
        return True, ""

    def _resource(self, resource_id: Any, values: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> Resource:
        return Resource(self.row, resource_id, values, old or {}, self.account, self.invoke, self.wait)

    def _changed_steps(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Step]:
        differ = changes(self.row, old, new)
        return [
            step
            for step in self.row.steps
            if any(touches(change, path) for change in differ for path in step.properties)
        ]

    def _finish(self, resource: Resource, steps: list[Step]) -> State:
        """Take the steps, wait until the resource is ready, and describe it."""
        try:
            for step in steps:
                step.apply(resource)
            return self._state(self._ready(resource), resource.values)
        except AwsError as error:
            raise self._told(error, resource.values) from error

    def _ready(self, resource: Resource) -> Response:
        found: list[Response] = []

        def look() -> tuple[bool, str]:
            described = self._describe(resource)
            if described is None:
                raise ProviderError(f"{self.name}: AWS describes nothing of it though the call succeeded")
            found[:] = [described]
            return self._is_ready(described)

        self.wait(f"{self.name} to be ready", look)
        return found[0]

    def _is_ready(self, described: Response) -> tuple[bool, str]:
        status = self.row.status
        if status is None:
            return True, ""
        state = str(mapping.pick(described, status.member))
        if state in status.failed:
            raise ProviderError(f"{self.name} is {state}: {status.reasons(described) or 'AWS gives no reason'}")
        return state in status.ready, state

    def _gone(self, resource: Resource) -> tuple[bool, str]:
        described = self._describe(resource)
        status = self.row.status
        return described is None, str(mapping.pick(described, status.member)) if described and status else ""

    def _describe(self, resource: Resource) -> Response | None:
        try:
            return self.row.read(resource)
        except AwsError as error:
            if error.missing:
                return None
            raise self._told(error, resource.values) from error

    def _state(self, found: Response, carried: Mapping[str, Any]) -> State:
        """What reading tells, and what it never tells as it was last given."""
        state = _carry(self.row.all, mapping.properties(found, self.row.all), carried)
        if self.row.tags:
            state.setdefault("tagsAll", {})
            state["tags"] = self._own_tags(state["tagsAll"], carried.get("tags"))
        return state

    def _own_tags(self, present: Mapping[str, str], given: Any) -> dict[str, str]:
        """The tags that are not only the provider's default ones."""
        named = as_map(given)
        return {key: value for key, value in present.items() if key in named or self.default_tags.get(key) != value}

    def _inputs(self, now: Mapping[str, Any], old: Mapping[str, Any]) -> State:
        """The inputs that would give this state: the old ones, but for what drifted."""
        inputs = _project(self.row.inputs, now, old)
        for name in ("tags", "tagsAll"):
            if self.row.tags and now.get(name) and name not in inputs:
                inputs[name] = now[name]
        return inputs | {DEFAULTS: old[DEFAULTS]} if DEFAULTS in old else inputs

    def _retag(self, resource: Resource) -> None:
        tags = self.row.tags
        old, new = as_map(resource.old.get("tagsAll")), as_map(resource.values.get("tagsAll"))
        removed = [key for key in old if key not in new]
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        if tags and removed:
            tags.untag(resource, removed)
        if tags and changed:
            tags.tag(resource, changed)

    def _told(self, error: AwsError, values: Mapping[str, Any]) -> ProviderError:
        """AWS's refusal, with the resource and, where its message names a value or member, the property."""
        path = _named_property(self.row, values, error.message)
        at = f" (property {path})" if path else ""
        return ProviderError(f"{self.name}{at}: {error}")


def _creating_steps(resource: Resource) -> list[Step]:
    return [step for step in resource.row.steps if step.creates and resource.given(step)]


def _with_unknowns(specs: Mapping[str, Property], given: Mapping[str, Any]) -> State:
    """What is given, and unknown where AWS will fill in."""
    state = {name: UNKNOWN for name, spec in specs.items() if spec.computed} | dict(given)
    for name, spec in specs.items():
        value = state.get(name)
        if spec.fields and is_map(value):
            state[name] = _with_unknowns(spec.fields, value)
    return state


def _with_kept(specs: Mapping[str, Property], old: Mapping[str, Any], new: Mapping[str, Any]) -> State:
    """What is wanted, and what AWS filled in before where nothing is."""
    state: State = {}
    for name, spec in specs.items():
        was, value = old.get(name), new.get(name)
        if name not in new:
            if name in old and spec.computed:
                state[name] = was
        elif name in old and spec.same(was, value):
            state[name] = was
        elif spec.fields and is_map(was) and is_map(value):
            state[name] = _with_kept(spec.fields, was, value)
        else:
            state[name] = value
    return state


def _carry(specs: Mapping[str, Property], told: State, carried: Mapping[str, Any]) -> State:
    state = dict(told)
    for name, spec in specs.items():
        value = carried.get(name)
        if value is None or value is UNKNOWN:
            continue
        if spec.hidden:
            state[name] = value
        elif spec.fields and is_map(value) and is_map(state.get(name)):
            state[name] = _carry(spec.fields, state[name], value)
    return state


def _project(specs: Mapping[str, Property], now: Mapping[str, Any], old: Mapping[str, Any]) -> State:
    """The present values of the properties that the old inputs have; their own wording where it means the same."""
    inputs: State = {}
    for name, spec in specs.items():
        if name not in old:
            continue
        value, was = now.get(name), old[name]
        if value is None:
            continue
        if spec.same(value, was):
            inputs[name] = was
        elif spec.fields and is_map(value) and is_map(was):
            inputs[name] = _project(spec.fields, value, was)
        elif spec.fields and is_list(value) and is_list(was) and len(value) == len(was):
            inputs[name] = [_project(spec.fields, item, before) for item, before in zip(value, was, strict=True)]
        else:
            inputs[name] = value
    return inputs


def _named_property(row: Row, values: Mapping[str, Any], message: str) -> str:
    """The property whose value, or else whose member, a message of AWS names; the longest value wins."""
    leaves = [
        (text, path)
        for name in row.properties
        if name in values
        for text, path in _leaves(values[name], name)
        if len(text) > 2 and text in message
    ]
    if leaves:
        return max(leaves, key=lambda leaf: len(leaf[0]))[1]
    words = {word.strip("'\"`.,:;()") for word in message.split()}
    for name, spec in row.properties.items():
        if any(mapping.fits(word, name, spec) for word in words if len(word) > 3):
            return name
    return ""


def _leaves(value: Any, path: str) -> list[tuple[str, str]]:
    if is_map(value):
        return [leaf for key, item in value.items() for leaf in _leaves(item, f"{path}.{key}")]
    if is_list(value):
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, f"{path}[{index}]")]
    return [(str(value), path)] if isinstance(value, (str, int)) and not isinstance(value, bool) else []
