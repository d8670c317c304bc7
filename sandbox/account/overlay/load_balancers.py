"""Load balancers as AWS does them: with interfaces in their subnets, and protected when they say so.

Source of the AWS side: Elastic Load Balancing API references (2015-12-01 and 2012-06-01), the operation of the same
name; EC2 user guide, "Requester-managed network interfaces".
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.elb import urls as classic_urls
from moto.elb.models import ELBBackend, elb_backends
from moto.elbv2 import urls
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend, elbv2_backends

from sandbox.account.overlay.ec2 import ec2_of

if TYPE_CHECKING:
    from moto.elb.models import LoadBalancer
    from moto.elbv2.models import FakeLoadBalancer


class LoadBalancers(ELBv2Backend):
    """The application, network and gateway load balancers of one account and region."""

    @property
    def _url_module(self) -> Any:
        return urls

    def create_load_balancer(self, *args: Any, **kwargs: Any) -> FakeLoadBalancer:
        """One interface a subnet (moto: none)."""
        balancer = super().create_load_balancer(*args, **kwargs)
        what = f"ELB {_of(balancer.arn)}"
        for subnet in balancer.subnets:
            ec2_of(self).lend_interface(subnet.id, balancer.security_groups, what)
        return balancer

    def delete_load_balancer(self, arn: str) -> None:
        """Its interfaces go with it; nothing does while it is protected (moto: always)."""
        balancer = self.load_balancers.get(arn)
        if balancer:
            refuse_protected(balancer)
            ec2_of(self).take_interfaces_back(f"ELB {_of(arn)}")
        super().delete_load_balancer(arn)


class ClassicLoadBalancers(ELBBackend):
    """The classic load balancers of one account and region."""

    @property
    def _url_module(self) -> Any:
        return classic_urls

    def create_load_balancer(self, *args: Any, **kwargs: Any) -> LoadBalancer:
        """One interface a subnet (moto: none)."""
        balancer = super().create_load_balancer(*args, **kwargs)
        for subnet in balancer.subnets:
            ec2_of(self).lend_interface(subnet, balancer.security_groups, f"ELB {balancer.name}")
        return balancer

    def delete_load_balancer(self, load_balancer_name: str) -> None:
        """Its interfaces go with it."""
        ec2_of(self).take_interfaces_back(f"ELB {load_balancer_name}")
        super().delete_load_balancer(load_balancer_name)


def refuse_protected(balancer: FakeLoadBalancer) -> None:
    """DeleteLoadBalancer: OperationNotPermitted while deletion protection is on."""
    if balancer.attrs.get("deletion_protection.enabled") == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
        )


def _of(arn: str) -> str:
    """`app/<name>/<id>`, as interfaces are described."""
    return arn.partition(":loadbalancer/")[2]


def install() -> None:
    """Make moto build these wherever it builds a backend of either service."""
    elbv2_backends.backend = LoadBalancers
    elb_backends.backend = ClassicLoadBalancers
