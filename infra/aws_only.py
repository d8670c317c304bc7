"""Nothing but AWS in our stacks: what would need a live cluster is refused before the engine looks for its plugin."""

from __future__ import annotations

import pulumi

from infra.contract import names

ALLOWED_TYPES = ("pulumi:pulumi:Stack", "pulumi:providers:aws")
ALLOWED_PREFIXES = ("aws:", f"{names.PROJECT}:", f"{names.PERMANENT_PROJECT}:")
"""Resources of pulumi-aws, and our programs' own components."""


def install() -> None:
    """Refuse every resource and provider outside AWS, from here on: the program's first statement."""
    pulumi.runtime.register_stack_transformation(refuse_other_packages)


def refuse_other_packages(args: pulumi.ResourceTransformationArgs) -> None:
    """Let a resource of AWS pass unchanged.

    Raises:
        pulumi.RunError: the resource, or the provider, belongs to another package.
    """
    if args.type_ in ALLOWED_TYPES or args.type_.startswith(ALLOWED_PREFIXES):
        return
    raise pulumi.RunError(
        f"{args.type_} {args.name!r} is refused: this stack holds AWS resources only, so that a preview never needs a "
        "live cluster. What runs in the cluster belongs in k8s/, where Flux applies it."
    )
