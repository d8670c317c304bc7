"""Which images run as processes on this machine, and what of their arguments is another there."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.account.process import LOOPBACK
from tools import build
from tools.catalogue import HELM, HELM_CONTROLLER, KUSTOMIZE_CONTROLLER, SOURCE_CONTROLLER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ECR = r"[0-9]{12}[.]dkr[.]ecr[.][a-z0-9-]+[.]amazonaws[.]com/"
"""An image in a private registry of ECR: it is pulled only if the account has it."""

_PROGRAMS = r"ghcr[.]io/fluxcd/(source|kustomize|helm)-controller|/aws-load-balancer-controller|/ebs-csi-controller"
OURS = f"({_PROGRAMS}|{ECR})[:@a-z0-9]"
"""A regular expression of the images whose pods kwok leaves alone."""

REAL = ("source-controller", "kustomize-controller", "helm-controller")
"""Flux's own, as their pods say."""

STAND_INS = ("aws-load-balancer-controller", "ebs-csi-controller")
"""Programs of our own in place of the real ones; each can be told to take nothing down."""

NOT_HERE = ("image-reflector-controller", "image-automation-controller")
"""Controllers that are not available and have no stand-in: their pods are kwok's, and do nothing."""


FLUX = {
    "--metrics-addr": f"{LOOPBACK}:0",
    "--enable-leader-election": "false",
}
"""Of all controllers of Flux. They would look for the namespace of their leases in a file of a container."""


@dataclass(frozen=True)
class Program:
    """A program that runs in place of a container."""

    name: str
    command: tuple[str, ...]
    changed: Mapping[str, str]
    """Flags whose value is another here; those that the pod has not are added."""
    health_flag: str
    """The flag that takes the address of its health probes."""
    ports: Mapping[str, int]
    """Ports of probes by name, in addition to the one of its health."""


@dataclass(frozen=True)
class Programs:
    """All of them, built."""

    source_controller: Path
    kustomize_controller: Path
    helm_controller: Path
    helm: Path
    """It packages the charts."""


def find(say: build.Say) -> Programs:
    """Find or build them. Raises FleetError."""
    return Programs(
        *(build.find(tool, say) for tool in (SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER, HELM_CONTROLLER, HELM))
    )


def of_image(image: str, programs: Programs, *, storage: Path, storage_port: int) -> Program | None:
    """The program that runs in place of an image's container; None if there is none.

    The table of what is changed: addresses go to loopback, because all processes share one; the storage of
    source-controller goes into the folder, and its artifacts are fetched from its own port instead of a Service's.
    """
    name = re.split(r"[:@]", image.rpartition("/")[2])[0]
    health = "--health-addr"
    if name == "source-controller":
        storing = {
            "--storage-path": str(storage),
            "--storage-addr": f"{LOOPBACK}:{storage_port}",
            "--storage-adv-addr": f"{LOOPBACK}:{storage_port}",
        }
        return Program(name, (str(programs.source_controller),), {**FLUX, **storing}, health, {"http": storage_port})
    if name == "kustomize-controller":
        return Program(name, (str(programs.kustomize_controller),), FLUX, health, {})
    if name == "helm-controller":
        return Program(name, (str(programs.helm_controller),), FLUX, health, {})
    if name == "aws-load-balancer-controller":
        return Program(name, _python("load_balancer_controller"), {}, "--health-probe-bind-addr", {})
    if name == "ebs-csi-controller":
        return Program(name, _python("ebs_csi_controller"), {}, "--http-endpoint", {})
    return None


def arguments(given: Sequence[str], changed: Mapping[str, str]) -> list[str]:
    """A container's arguments with some values changed, and the flags that it has not after them."""
    left = dict(changed)
    made: list[str] = []
    for argument in given:
        flag = argument.partition("=")[0]
        if flag in changed:
            left.pop(flag, None)
            made.append(f"{flag}={changed[flag]}")
        else:
            made.append(argument)
    return made + [f"{flag}={value}" for flag, value in left.items()]


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"sandbox.cluster.{module}")
