"""What charts bring along that their HelmRelease does not show: CRDs, others' custom resources, admission webhooks.

Each was read from the chart's own tree at the version given, gateway-helm and external-dns at the commit nearest to it.
The CRDs and webhooks of this repository's two are in `checks/facts/`, as Helm rendered them.
A chart that is not here brings nothing that is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from checks import chart_facts
from checks.manifests import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checks.config import OwnChart

GroupKind = tuple[str, str]
"""API group and kind."""

MONITORING = "monitoring.coreos.com"
GATEWAY = "gateway.networking.k8s.io"


@dataclass(frozen=True)
class Switch:
    """A value of a chart that turns something on or off."""

    value: str
    """The way to it, with dots."""
    default: bool | str
    on: bool | str = True
    """What it has to be for the thing to be there."""

    def is_set(self, values: Mapping[str, object]) -> bool:
        """Whether these values say what it is."""
        return isinstance(at(values, *self.value.split(".")), type(self.default))

    def is_on(self, values: Mapping[str, object]) -> bool:
        """Whether the thing is there with these values."""
        return (at(values, *self.value.split(".")) if self.is_set(values) else self.default) == self.on


def all_on(switches: tuple[Switch, ...], values: Mapping[str, object]) -> bool:
    """Whether what has these switches is there with these values."""
    return all(switch.is_on(values) for switch in switches)


@dataclass(frozen=True)
class Foreign:
    """Custom resources of another chart's CRDs that a chart makes."""

    kinds: tuple[GroupKind, ...]
    switches: tuple[Switch, ...]
    """All must be on for them to be made; the last is the one that is about them."""


@dataclass(frozen=True)
class Webhook:
    """An admission webhook that fails what it cannot see: no such object is made while its pods are not ready."""

    name: str
    kinds: tuple[GroupKind, ...]
    switches: tuple[Switch, ...] = ()
    """All must be on for it to be there, and to fail what it cannot see."""


@dataclass(frozen=True)
class Chart:
    """One chart."""

    read_at: str = ""
    """The version that it was read at."""
    facts: str = ""
    """The chart of `checks/facts/` whose version, CRDs and webhooks these are."""
    crds: tuple[GroupKind, ...] = ()
    in_folder: bool = True
    """Whether its CRDs lie in crds/, which Helm itself never upgrades."""
    folder_switch: Switch | None = None
    """Must be on for those to be installed; None if nothing in the values keeps them out."""
    template_switches: tuple[Switch, ...] = ()
    """Any that is on makes the CRDs templates, which what a HelmRelease says of CRDs does not touch."""
    foreign: tuple[Foreign, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    switches: Mapping[str, tuple[Switch, ...]] = field(default_factory=dict[str, tuple[Switch, ...]])
    """Webhook of the facts → what must be on for it to be there, and to fail what it cannot see."""
    always: bool = False
    """Whether it installs its CRDs whatever its values are."""

    @property
    def whole(self) -> Chart:
        """The same with what its facts say. Webhooks that see only what asks for them are left out."""
        if not self.facts:
            return self
        known = chart_facts.read(self.facts)
        made = tuple(
            Webhook(each.name, tuple(map(_kind_of, each.kinds)), self.switches.get(each.name, ()))
            for each in known.webhooks
            if each.failure_policy == "Fail" and not each.is_opt_in
        )
        crds = tuple((each.group, each.kind) for each in known.definitions)
        return replace(self, read_at=known.version, facts="", crds=crds, webhooks=(*self.webhooks, *made))


ANY = "*"
"""In place of a kind: all kinds of the group."""


def own(chart: OwnChart) -> Chart:
    """A chart of the settings."""
    return Chart(
        read_at=chart.version,
        crds=tuple(_kind_of(each) for each in chart.crds),
        in_folder=False,
        webhooks=(Webhook("of its own", tuple(_kind_of(each) for each in chart.webhooks)),) if chart.webhooks else (),
        always=True,
    )


def _kind_of(name: str) -> GroupKind:
    group, _, kind = name.partition("/")
    return (group, kind or ANY)


def is_of(kind: GroupKind, kinds: Iterable[GroupKind]) -> bool:
    """Whether a kind is among some."""
    return any(group == kind[0] and name in {kind[1], ANY} for group, name in kinds)


def _kinds(group: str, *kinds: str) -> tuple[GroupKind, ...]:
    return tuple((group, kind) for kind in kinds)


def _off(*values: str) -> tuple[Switch, ...]:
    """What is off unless all these values are true."""
    return tuple(Switch(value, default=False) for value in values)


def _monitor(*values: str, kind: str = "ServiceMonitor") -> Foreign:
    return Foreign(_kinds(MONITORING, kind), _off(*values))


def _vpa(value: str) -> Foreign:
    return Foreign(_kinds("autoscaling.k8s.io", "VerticalPodAutoscaler"), _off(value))


def _route(value: str) -> Foreign:
    return Foreign(_kinds(GATEWAY, "HTTPRoute"), _off(value))


CHARTS: Mapping[str, Chart] = MappingProxyType(
    {
        "aws-load-balancer-controller": Chart(
            facts="aws-load-balancer-controller",
            foreign=(
                _monitor("serviceMonitor.enabled"),
                Foreign(_kinds("cert-manager.io", "Certificate", "Issuer"), _off("enableCertManager")),
            ),
            webhooks=(
                Webhook(
                    "mservice.elbv2.k8s.aws",
                    _kinds("", "Service"),
                    (
                        Switch("enableServiceMutatorWebhook", default=True),
                        Switch("serviceMutatorWebhookConfig.failurePolicy", default="Fail", on="Fail"),
                    ),
                ),
            ),
            # The chart spells the second so.
            switches={
                "vingress.elbv2.k8s.aws": (
                    Switch("webhookConfig.disableIngressValidation", default=False, on=False),
                    Switch("webhookConfig.ingressValdationFailurePolicy", default="Fail", on="Fail"),
                ),
            },
        ),
        "kube-prometheus-stack": Chart(
            facts="kube-prometheus-stack",
            folder_switch=Switch("crds.enabled", default=True),
            foreign=(
                _route("alertmanager.route.main.enabled"),
                _route("grafana.route.main.enabled"),
                _route("prometheus.route.main.enabled"),
                _route("thanosRuler.route.main.enabled"),
                Foreign(
                    _kinds("cert-manager.io", "Certificate", "Issuer"),
                    _off("prometheusOperator.admissionWebhooks.certManager.enabled"),
                ),
                _vpa("prometheusOperator.verticalPodAutoscaler.enabled"),
                _vpa("grafana.vpa.enabled"),
                _vpa("kube-state-metrics.verticalPodAutoscaler.enabled"),
                _vpa("prometheus-node-exporter.verticalPodAutoscaler.enabled"),
                Foreign(
                    _kinds("cilium.io", "CiliumNetworkPolicy"),
                    (
                        *_off("prometheusOperator.networkPolicy.enabled"),
                        Switch("prometheusOperator.networkPolicy.flavor", default="kubernetes", on="cilium"),
                    ),
                ),
                Foreign(
                    _kinds("grafana.integreatly.org", "GrafanaDashboard"),
                    _off("grafana.operator.dashboardsConfigMapRefEnabled"),
                ),
                Foreign(_kinds(GATEWAY, "ListenerSet"), _off("grafana.listenerSet.main.enabled")),
            ),
        ),
        "cert-manager": Chart(
            read_at="v1.21.1",
            crds=(
                *_kinds("cert-manager.io", "Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"),
                *_kinds("acme.cert-manager.io", "Challenge", "Order"),
            ),
            in_folder=False,
            # installCRDs is the older name of the same.
            template_switches=(Switch("crds.enabled", default=False), Switch("installCRDs", default=False)),
            foreign=(
                _monitor("prometheus.servicemonitor.enabled"),
                _monitor("prometheus.podmonitor.enabled", kind="PodMonitor"),
            ),
            webhooks=(
                Webhook(
                    "webhook.cert-manager.io",
                    (
                        *_kinds("cert-manager.io", "Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"),
                        *_kinds("acme.cert-manager.io", "Challenge", "Order"),
                    ),
                ),
            ),
        ),
        "flagger": Chart(
            read_at="1.44.0",
            crds=_kinds("flagger.app", "AlertProvider", "Canary", "MetricTemplate"),
            template_switches=(Switch("crd.create", default=False),),
            foreign=(
                _monitor("serviceMonitor.enabled"),
                _monitor("podMonitor.enabled", kind="PodMonitor"),
                Foreign(
                    _kinds("policy.linkerd.io", "AuthorizationPolicy"),
                    _off("linkerdAuthPolicy.create"),
                ),
            ),
        ),
        "loadtester": Chart(
            read_at="0.38.0",
            foreign=(
                Foreign(_kinds("appmesh.k8s.aws", "VirtualNode"), _off("appmesh.enabled")),
                Foreign(_kinds("networking.istio.io", "Gateway", "VirtualService"), _off("istio.enabled")),
            ),
        ),
        "external-dns": Chart(
            read_at="1.22.0",
            crds=_kinds("externaldns.k8s.io", "DNSEndpoint", "DNSRecord"),
            foreign=(_monitor("serviceMonitor.enabled"),),
        ),
        "prometheus-pushgateway": Chart(
            read_at="3.8.0",
            foreign=(_monitor("serviceMonitor.enabled"), _route("route.main.enabled")),
        ),
        "metrics-server": Chart(
            read_at="3.13.1",
            foreign=(
                _monitor("serviceMonitor.enabled"),
                Foreign(
                    _kinds("cert-manager.io", "Certificate", "Issuer"),
                    (Switch("tls.type", default="metrics-server", on="cert-manager"),),
                ),
            ),
        ),
        "ingress-nginx": Chart(
            read_at="4.15.1",
            foreign=(
                _monitor("controller.metrics.enabled", "controller.metrics.serviceMonitor.enabled"),
                _monitor(
                    "controller.metrics.enabled", "controller.metrics.prometheusRule.enabled", kind="PrometheusRule"
                ),
                Foreign(
                    _kinds("cert-manager.io", "Certificate", "Issuer"),
                    (
                        Switch("controller.admissionWebhooks.enabled", default=True),
                        *_off("controller.admissionWebhooks.certManager.enabled"),
                    ),
                ),
            ),
            webhooks=(
                Webhook(
                    "validate.nginx.ingress.kubernetes.io",
                    _kinds("networking.k8s.io", "Ingress"),
                    (
                        Switch("controller.admissionWebhooks.enabled", default=True),
                        Switch("controller.admissionWebhooks.failurePolicy", default="Fail", on="Fail"),
                    ),
                ),
            ),
        ),
        "gateway-helm": Chart(
            read_at="v1.9.0",
            crds=(
                *_kinds("gateway.envoyproxy.io", "Backend", "BackendTrafficPolicy", "ClientTrafficPolicy"),
                *_kinds("gateway.envoyproxy.io", "EnvoyExtensionPolicy", "EnvoyPatchPolicy", "EnvoyProxy"),
                *_kinds("gateway.envoyproxy.io", "HTTPRouteFilter", "SecurityPolicy"),
                *_kinds(GATEWAY, "BackendTLSPolicy", "Gateway", "GatewayClass", "GRPCRoute", "HTTPRoute"),
                *_kinds(GATEWAY, "ListenerSet", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute"),
                *_kinds("gateway.networking.x-k8s.io", "XBackend", "XBackendTrafficPolicy", "XMesh"),
            ),
            folder_switch=Switch("crds.enabled", default=True),
        ),
        "traefik": Chart(
            read_at="41.3.0",
            crds=(
                *_kinds("traefik.io", "IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware"),
                *_kinds("traefik.io", "MiddlewareTCP", "ServersTransport", "ServersTransportTCP", "TLSOption"),
                *_kinds("traefik.io", "TLSStore", "TraefikService"),
                *_kinds("hub.traefik.io", "AccessControlPolicy", "AIService", "API", "APIAuth", "APIBundle"),
                *_kinds("hub.traefik.io", "APICatalogItem", "APIPlan", "APIPortal", "APIPortalAuth"),
                *_kinds("hub.traefik.io", "APIRateLimit", "APIVersion", "ContentItem", "ManagedApplication"),
                *_kinds("hub.traefik.io", "ManagedSubscription", "Uplink"),
            ),
            foreign=(
                _monitor("metrics.prometheus.serviceMonitor.enabled"),
                _monitor("metrics.prometheus.prometheusRule.enabled", kind="PrometheusRule"),
            ),
        ),
    }
)
"""By the chart's name; of two of them, a part is in their facts: see `known`."""


def known() -> dict[str, Chart]:
    """The table, whole."""
    return {name: chart.whole for name, chart in CHARTS.items()}


def that_install(kind: GroupKind, table: Mapping[str, Chart]) -> list[str]:
    """The charts whose CRDs serve a kind."""
    return [name for name, chart in table.items() if is_of(kind, chart.crds)]


def suggests(chart_name: str, group: str) -> bool:
    """Whether a chart's name says that it brings an API group: external-secrets and external-secrets.io."""
    words = {word for word in re.split(r"[-_]", chart_name.rpartition("/")[2].lower()) if word}
    return bool(words) and words <= set(re.split(r"[.-]", group.lower()))
