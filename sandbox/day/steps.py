"""The day, step by step: what each proves, and by which real part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.day import cluster_steps, stack_steps
from sandbox.day.step import Step

if TYPE_CHECKING:
    from collections.abc import Mapping


ALONE: Mapping[str, Mapping[str, str]] = {
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
        "a preview needs no cluster",
        "Pulumi engine",
        stack_steps.preview,
    ),
    Step("up", "the stack is built as previewed", "Pulumi engine, S3 state", stack_steps.up),
    Step(
        "cluster",
        "the API server and nodes are ready",
        "etcd, Kubernetes",
        cluster_steps.cluster,
        needs=("up",),
        needs_cluster=True,
    ),
    Step(
        "bootstrap",
        "an empty cluster becomes Flux's",
        "Flux's bootstrap, git",
        cluster_steps.bootstrap,
        needs=("up", "cluster"),
        needs_cluster=True,
    ),
    Step(
        "reconciled",
        "all of k8s/ is ready at main",
        "Flux, API server",
        cluster_steps.reconciled,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step(
        "change",
        "a pushed manifest reaches the cluster",
        "git, Flux",
        cluster_steps.change,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step(
        "release",
        "a release's tag rolls out",
        "Flux; image is a stand-in",
        cluster_steps.release,
        needs=("bootstrap",),
        needs_cluster=True,
    ),
    Step(
        "pull-request",
        "a pull request shows changes and cost",
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
    Step("leftovers", "controllers make things in AWS", "stand-in controllers", cluster_steps.leftovers, needs=("up",)),
    Step(
        "night",
        "the teardown takes all of it down",
        "fleet teardown, Pulumi",
        stack_steps.night,
        needs=("up",),
        is_night=True,
    ),
    Step(
        "nothing-left",
        "the account is as in the morning",
        "embedded account's census",
        stack_steps.nothing_left,
        follows=("night",),
    ),
    Step(
        "preview-again",
        "a preview still needs no cluster",
        "Pulumi engine",
        stack_steps.preview,
        follows=("night",),
    ),
    Step(
        "merge",
        "a merge while down builds nothing",
        "fleet state, S3 state",
        stack_steps.merge,
        follows=("night",),
    ),
    Step(
        "rebuild",
        "a rebuild converges and pushes nothing",
        "Pulumi engine, Flux",
        cluster_steps.rebuild,
        follows=("bootstrap", "night"),
        gives=("up", "cluster", "bootstrap"),
    ),
    Step(
        "last-night",
        "the second night leaves nothing",
        "fleet teardown, Pulumi",
        stack_steps.last_night,
        needs=("up",),
        is_night=True,
    ),
)
"""In the order of the day."""
