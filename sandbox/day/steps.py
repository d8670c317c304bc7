"""The day, step by step: what each proves, and by which real part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.day import cluster_steps, stack_steps
from sandbox.day.step import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEFTOVERS = "controllers make things in AWS that the state does not list"


ALONE: Mapping[str, Mapping[str, str]] = {
    "leftovers": {"by": "stand-ins for the controllers"},
    "rebuild": {"proves": "a rebuild makes the same again", "by": "Pulumi engine, S3 state"},
}
"""What a step without a cluster proves otherwise."""


def steps(*, has_cluster: bool) -> tuple[Step, ...]:
    """The day with a cluster, or what of it can be done without."""
    if has_cluster:
        return DAY
    return tuple(replace(step, **ALONE.get(step.name, {})) for step in DAY if not step.needs_cluster)


DAY = (
    Step(
        "preview",
        "a preview needs no cluster and changes nothing",
        "Pulumi engine, the program",
        stack_steps.preview,
    ),
    Step("up", "the stack is built as the preview said", "Pulumi engine, S3 state", stack_steps.up),
    Step(
        "cluster",
        "the API server answers, and its nodes are ready",
        "etcd, Kubernetes",
        cluster_steps.cluster,
        needs=("up",),
        needs_cluster=True,
    ),
    Step(
        "bootstrap",
        "an empty cluster becomes Flux's; only Flux's files are pushed",
        "Flux's bootstrap, git",
        cluster_steps.bootstrap,
        needs=("up", "cluster"),
        needs_cluster=True,
    ),
    Step(
        "reconciled",
        "everything in k8s/ is ready at main's commit",
        "Flux controllers, API server",
        cluster_steps.reconciled,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step(
        "change",
        "a manifest that is pushed to main reaches the cluster",
        "git, Flux controllers",
        cluster_steps.change,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step(
        "release",
        "a release's tag is committed, and the pods roll to it",
        "Flux controllers; image and commit are stand-ins",
        cluster_steps.release,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step(
        "pull-request",
        "a pull request's report names what would change, and its cost",
        "Pulumi engine, git",
        stack_steps.pull_request,
    ),
    Step(
        "bootstrap-again",
        "a second bootstrap commits nothing",
        "Flux's bootstrap, git",
        cluster_steps.bootstrap_again,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step("leftovers", _LEFTOVERS, "API server; controllers are stand-ins", cluster_steps.leftovers, needs=("up",)),
    Step(
        "night",
        "the teardown drains, sweeps and destroys",
        "fleet teardown, Pulumi engine",
        stack_steps.night,
        needs=("up",),
        is_night=True,
    ),
    Step(
        "nothing-left",
        "the account holds what it held in the morning",
        "census of the embedded account",
        stack_steps.nothing_left,
        follows=("night",),
    ),
    Step(
        "preview-again",
        "with everything gone, a preview still works",
        "Pulumi engine, the program",
        stack_steps.preview,
        follows=("night",),
    ),
    Step(
        "merge",
        "a merge while the stack is down builds nothing",
        "fleet state, S3 state",
        stack_steps.merge,
        follows=("night",),
    ),
    Step(
        "rebuild",
        "a rebuild converges the first time and pushes nothing",
        "Pulumi engine, Flux controllers",
        cluster_steps.rebuild,
        follows=("bootstrap", "night"),
        gives=("up", "cluster", "bootstrap"),
    ),
    Step(
        "last-night",
        "the second night leaves nothing either",
        "fleet teardown, Pulumi engine",
        stack_steps.last_night,
        needs=("up",),
        is_night=True,
    ),
)
"""In the order of the day."""
