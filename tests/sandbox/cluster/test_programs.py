"""Which pods run as processes, and what of their arguments is another here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.cluster import programs
from sandbox.cluster.programs import Programs

BUILT = Programs(Path("/source"), Path("/kustomize"), Path("/helm-controller"), Path("/helm"))
REGISTRY = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"


def test_a_pods_own_arguments_stay_beside_those_of_the_table() -> None:
    program = programs.of_image(
        "ghcr.io/fluxcd/source-controller:v1.9.5", BUILT, storage=Path("/data"), storage_port=4200
    )
    assert program
    given = ["--storage-path=/somewhere", "--enable-leader-election", "--log-level=debug", "--concurrent=10"]
    assert programs.arguments(given, program.changed) == [
        "--storage-path=/data",
        "--enable-leader-election=false",
        "--log-level=debug",
        "--concurrent=10",
        "--metrics-addr=127.0.0.1:0",
        "--storage-addr=127.0.0.1:4200",
        "--storage-adv-addr=127.0.0.1:4200",
    ]


@pytest.mark.parametrize(
    ("image", "name", "ours"),
    [
        ("ghcr.io/fluxcd/kustomize-controller:v1.9.5", "kustomize-controller", True),
        ("ghcr.io/fluxcd/helm-controller@sha256:0", "helm-controller", True),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v3.5.0", "aws-load-balancer-controller", True),
        ("ghcr.io/fluxcd/image-reflector-controller:v1.2.5", None, False),
        (f"{REGISTRY}/load-harness:v1.0.0", None, True),
        ("quay.io/prometheus/pushgateway:v1.11.3", None, False),
    ],
)
def test_what_kwok_leaves_alone_is_ours(image: str, name: str | None, ours: bool) -> None:
    found = programs.of_image(image, BUILT, storage=Path("/data"), storage_port=1)
    assert (found.name if found else None) == name
    assert bool(re.search(programs.OURS, image)) == ours
