"""What charts bring along that their HelmRelease does not show: CRDs, others' custom resources, admission webhooks.

Each was read from the chart's own tree at the version given. A chart that is not here brings nothing that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from checks.manifests import at

if TYPE_CHECKING:
    from collections.abc import Mapping

GroupKind = tuple[str, str]
"""API group and kind."""

MONITORING = "monitoring.coreos.com"


@dataclass(frozen=True)
class Switch:
    """A value of a chart that turns something on or off."""

    value: str
    """The way to it, with dots."""
    default: bool
    on: bool = True
    """What it has to be for the thing to be there."""

    def is_on(self, values: Mapping[str, object]) -> bool:
        """Whether the thing is there with these values."""
        found = at(values, *self.value.split("."))
        return (found if isinstance(found, bool) else self.default) is self.on


@dataclass(frozen=True)
class Foreign:
    """Custom resources of another chart's CRDs that a chart makes."""

    kinds: tuple[GroupKind, ...]
    switch: Switch


@dataclass(frozen=True)
class Webhook:
    """An admission webhook that fails what it cannot see: no such object is made while its pods are not ready."""

    name: str
    kinds: tuple[GroupKind, ...]
    switch: Switch


@dataclass(frozen=True)
class Chart:
    """One chart."""

    read_at: str
    """The version that it was read at."""
    crds: tuple[GroupKind, ...] = ()
    in_folder: bool = True
    """Whether its CRDs lie in crds/, which Helm itself never upgrades; otherwise they are templates."""
    crds_switch: tuple[Switch, ...] = ()
    """All must be on for the CRDs to be installed."""
    foreign: tuple[Foreign, ...] = ()
    webhooks: tuple[Webhook, ...] = ()


def _kinds(group: str, *kinds: str) -> tuple[GroupKind, ...]:
    return tuple((group, kind) for kind in kinds)


def _monitor(value: str, kind: str = "ServiceMonitor") -> Foreign:
    return Foreign(_kinds(MONITORING, kind), Switch(value, default=False))


CHARTS: Mapping[str, Chart] = MappingProxyType(
    {
        "aws-load-balancer-controller": Chart(
            read_at="3.5.0",
            crds=(
                *_kinds("elbv2.k8s.aws", "ALBTargetControlConfig", "IngressClassParams", "TargetGroupBinding"),
                *_kinds("aga.k8s.aws", "GlobalAccelerator"),
                *_kinds("gateway.k8s.aws", "ListenerRuleConfiguration", "LoadBalancerConfiguration"),
                *_kinds("gateway.k8s.aws", "TargetGroupConfiguration"),
            ),
            foreign=(
                _monitor("serviceMonitor.enabled"),
                Foreign(_kinds("cert-manager.io", "Certificate", "Issuer"), Switch("enableCertManager", default=False)),
            ),
            webhooks=(
                Webhook(
                    "mservice.elbv2.k8s.aws",
                    _kinds("", "Service"),
                    Switch("enableServiceMutatorWebhook", default=True),
                ),
                Webhook(
                    "vingress.elbv2.k8s.aws",
                    _kinds("networking.k8s.io", "Ingress"),
                    Switch("webhookConfig.disableIngressValidation", default=False, on=False),
                ),
            ),
        ),
        "kube-prometheus-stack": Chart(
            read_at="88.5.3",
            crds=(
                *_kinds(MONITORING, "Alertmanager", "PodMonitor", "Probe", "Prometheus", "PrometheusRule"),
                *_kinds(MONITORING, "ServiceMonitor", "ThanosRuler", "AlertmanagerConfig", "PrometheusAgent"),
                *_kinds(MONITORING, "ScrapeConfig"),
            ),
            crds_switch=(Switch("crds.enabled", default=True),),
            foreign=(
                Foreign(
                    _kinds("cert-manager.io", "Certificate", "Issuer"),
                    Switch("prometheusOperator.admissionWebhooks.certManager.enabled", default=False),
                ),
            ),
        ),
        "cert-manager": Chart(
            read_at="v1.21.1",
            crds=(
                *_kinds("cert-manager.io", "Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"),
                *_kinds("acme.cert-manager.io", "Challenge", "Order"),
            ),
            in_folder=False,
            crds_switch=(Switch("crds.enabled", default=False),),
            foreign=(
                _monitor("prometheus.servicemonitor.enabled"),
                _monitor("prometheus.podmonitor.enabled", "PodMonitor"),
            ),
            webhooks=(
                Webhook(
                    "webhook.cert-manager.io",
                    (
                        *_kinds("cert-manager.io", "Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"),
                        *_kinds("acme.cert-manager.io", "Challenge", "Order"),
                    ),
                    Switch("webhook.enabled", default=True),
                ),
            ),
        ),
        "flagger": Chart(
            read_at="1.44.0",
            crds=_kinds("flagger.app", "AlertProvider", "Canary", "MetricTemplate"),
            foreign=(_monitor("serviceMonitor.enabled"), _monitor("podMonitor.enabled", "PodMonitor")),
        ),
        "loadtester": Chart(
            read_at="0.38.0",
            foreign=(
                Foreign(_kinds("appmesh.k8s.aws", "VirtualNode"), Switch("appmesh.enabled", default=False)),
                Foreign(
                    _kinds("networking.istio.io", "Gateway", "VirtualService"), Switch("istio.enabled", default=False)
                ),
            ),
        ),
        "external-dns": Chart(
            read_at="1.22.0",
            crds=_kinds("externaldns.k8s.io", "DNSEndpoint", "DNSRecord"),
            foreign=(_monitor("serviceMonitor.enabled"),),
        ),
        "prometheus-pushgateway": Chart(
            read_at="3.8.0",
            foreign=(
                _monitor("serviceMonitor.enabled"),
                Foreign(_kinds("gateway.networking.k8s.io", "HTTPRoute"), Switch("httpRoute.enabled", default=False)),
            ),
        ),
        "metrics-server": Chart(read_at="3.13.1", foreign=(_monitor("serviceMonitor.enabled"),)),
        "ingress-nginx": Chart(
            read_at="4.15.1",
            foreign=(_monitor("controller.metrics.serviceMonitor.enabled"),),
            webhooks=(
                Webhook(
                    "validate.nginx.ingress.kubernetes.io",
                    _kinds("networking.k8s.io", "Ingress"),
                    Switch("controller.admissionWebhooks.enabled", default=True),
                ),
            ),
        ),
        "gateway-helm": Chart(
            read_at="v1.9.0",
            crds=(
                *_kinds("gateway.envoyproxy.io", "Backend", "BackendTrafficPolicy", "ClientTrafficPolicy"),
                *_kinds("gateway.envoyproxy.io", "EnvoyExtensionPolicy", "EnvoyPatchPolicy", "EnvoyProxy"),
                *_kinds("gateway.envoyproxy.io", "HTTPRouteFilter", "SecurityPolicy"),
                *_kinds("gateway.networking.k8s.io", "Gateway", "GatewayClass", "GRPCRoute", "HTTPRoute"),
                *_kinds("gateway.networking.k8s.io", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute"),
            ),
        ),
        "traefik": Chart(
            read_at="41.3.0",
            crds=(
                *_kinds("traefik.io", "IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware"),
                *_kinds("traefik.io", "MiddlewareTCP", "ServersTransport", "ServersTransportTCP", "TLSOption"),
                *_kinds("traefik.io", "TLSStore", "TraefikService"),
            ),
            foreign=(_monitor("metrics.prometheus.serviceMonitor.enabled"),),
        ),
    }
)
"""By the chart's name."""


def that_install(kind: GroupKind) -> list[str]:
    """The charts whose CRDs serve a kind."""
    return [name for name, chart in CHARTS.items() if kind in chart.crds]
