"""What the rules are asked with: a tree, and what has to be worked out of it, each once and only when it is asked for.

A tree knows nothing of what is read out of it: the modules beneath know the tree, and this one knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from checks import api, images, policy, schema, values, variables, yamllint
from checks.flux import Flux
from checks.references import World

if TYPE_CHECKING:
    from checks.tree import Tree


@dataclass(frozen=True, eq=False)
class Model:
    """A tree, and what follows from it."""

    tree: Tree
    use_cache: bool = True
    """Whether to believe what the tools said of the same objects before."""

    @cached_property
    def flux(self) -> Flux:
        """What Flux's own kinds say."""
        return Flux(self.tree)

    @cached_property
    def world(self) -> World:
        """What its objects say of one another."""
        return World(self.tree)

    @cached_property
    def yaml_problems(self) -> tuple[yamllint.Problem, ...]:
        """What yamllint finds in the files. Raises FleetError."""
        return yamllint.problems(self.tree, use_cache=self.use_cache)

    @cached_property
    def used_variables(self) -> tuple[variables.Used, ...]:
        """The variables of each object that may have some."""
        return variables.used(self.tree)

    @cached_property
    def values(self) -> values.Held:
        """What the ConfigMaps and Secrets of the tree hold."""
        return values.held(each.manifest for owner in self.tree.kustomizations for each in owner.objects)

    @cached_property
    def verdicts(self) -> tuple[schema.Verdict, ...]:
        """What kubeconform says of each object. Raises FleetError."""
        return schema.verdicts(self.tree, use_cache=self.use_cache)

    @cached_property
    def refusals(self) -> tuple[api.Refusal, ...]:
        """What the API server's own validation says of the objects. Raises FleetError."""
        return api.refusals(self.tree, use_cache=self.use_cache)

    @cached_property
    def violations(self) -> tuple[policy.Violation, ...]:
        """What Kyverno says of the objects. Raises FleetError."""
        return policy.violations(self.tree, use_cache=self.use_cache)

    @cached_property
    def markers(self) -> tuple[images.Marker, ...]:
        """The markers of the image automation."""
        return images.markers(self.tree)
