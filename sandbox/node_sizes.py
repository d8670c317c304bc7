"""What a node of an instance type has, and how much of it pods may ask for."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from common.errors import CannotRunError

KERNEL = 0.05
"""The part of an instance's memory that its kernel does not show: an m5.large of 8,192 MiB has about 7,780."""
CPU_RESERVED = ((1, 0.06), (1, 0.01), (2, 0.005))
"""What EKS' AMI keeps of the first core, the second, the next two; of each further one 0.25 %."""
FURTHER = 0.0025
MEMORY_RESERVED, MEMORY_PER_POD, EVICTION = 255, 11, 100
"""MiB that the AMI keeps: for itself, for each pod that may run, and free (kubelet's hard eviction)."""
MOST_PODS, MANY_CPUS, MORE_PODS = 110, 30, 250
"""AWS's advice on the most pods of a node, up to so many vCPUs, and above."""


@dataclass(frozen=True)
class Size:
    """What an instance type has."""

    name: str
    cpus: int
    memory: int
    """MiB, as AWS writes it."""
    pods: int
    """As many as the VPC CNI has addresses for."""

    @property
    def shown_memory(self) -> int:
        """MiB that the node says it has."""
        return int(self.memory * (1 - KERNEL))

    @property
    def allocatable_cpu(self) -> int:
        """Thousandths of a core that pods may ask for."""
        left, reserved = self.cpus, 0.0
        for cores, part in CPU_RESERVED:
            reserved += min(cores, left) * part
            left -= min(cores, left)
        return int(1000 * (self.cpus - reserved - left * FURTHER))

    @property
    def allocatable_memory(self) -> int:
        """MiB that pods may ask for."""
        return self.shown_memory - MEMORY_RESERVED - MEMORY_PER_POD * self.pods - EVICTION


def of(instance_type: str) -> Size:
    """The size of an instance type.

    Source: what DescribeInstanceTypes answers, as moto has it; EKS user guide, "Choosing an optimal Amazon EC2 node
    instance type" (pods: interfaces times one less than the addresses of each, and two); nodeadm of
    awslabs/amazon-eks-ami (what is reserved).

    Raises:
        CannotRunError: there is no such type.
    """
    described = _described().get(instance_type)
    if described is None:
        raise CannotRunError(f"the instance type {instance_type} is not known to the sandbox: use another")
    cpus, network = described["VCpuInfo"]["DefaultVCpus"], described["NetworkInfo"]
    addresses = network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2
    most = MOST_PODS if cpus <= MANY_CPUS else MORE_PODS
    return Size(instance_type, cpus, described["MemoryInfo"]["SizeInMiB"], min(addresses, most))


@cache
def _described() -> dict[str, Any]:
    return json.loads(gzip.decompress((files("moto") / "ec2" / "resources" / "instance_types.json.gz").read_bytes()))
