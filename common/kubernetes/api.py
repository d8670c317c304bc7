"""The Kubernetes API as mappings: objects of any kind, by lightkube.

A call that fails is `UnansweredError`, never an empty answer: only a 404 says that something is not there.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import httpx2
from lightkube import ApiError, Client, KubeConfig, generic_resource
from lightkube.config.client_adapter import verify_cluster
from lightkube.core.exceptions import ConfigError, LoadResourceError
from lightkube.types import PatchType
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from common.errors import CannotRunError, FleetError
from common.kubernetes.objects import mapping, mappings, text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

Manifest = dict[str, Any]
"""A Kubernetes object as the API gives it."""

UNAUTHORIZED, NOT_FOUND, CONFLICT, TOO_MANY = 401, 404, 409, 429
ALL = "*"
"""In place of a namespace: all of them."""

ATTEMPTS = 5
PAUSES = wait_exponential_jitter(multiplier=0.2, max=5.0)
"""Between two attempts, in seconds."""

TIMEOUT = httpx2.Timeout(15.0, connect=5.0)
"""Seconds for one request."""


class UnansweredError(FleetError):
    """The API server could not be asked, or refused: what is there is unknown."""


class UnauthorizedError(UnansweredError):
    """The API server does not know us, or we have no token: waiting is of no use."""


class ConflictError(FleetError):
    """Somebody else owns a field that we would set."""


@dataclass(frozen=True)
class Kind:
    """A kind of object, and where the API has it."""

    group: str
    """Empty for the core group."""
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version


CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
EVENT = Kind("", "v1", "Event", "events")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
GIT_REPOSITORY = Kind("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories")
HELM_CHART = Kind("source.toolkit.fluxcd.io", "v1", "HelmChart", "helmcharts")
HELM_REPOSITORY = Kind("source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories")
OCI_REPOSITORY = Kind("source.toolkit.fluxcd.io", "v1", "OCIRepository", "ocirepositories")
KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations")
HELM_RELEASE = Kind("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases")
IMAGE_REPOSITORY = Kind("image.toolkit.fluxcd.io", "v1", "ImageRepository", "imagerepositories")
IMAGE_POLICY = Kind("image.toolkit.fluxcd.io", "v1", "ImagePolicy", "imagepolicies")
IMAGE_UPDATE_AUTOMATION = Kind("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation", "imageupdateautomations")


class Cluster:
    """A cluster, through one kubeconfig. Every method raises UnansweredError when the API server does not answer."""

    def __init__(self, kubeconfig: Mapping[str, Any]) -> None:
        """Connect at the first call.

        Args:
            kubeconfig: its current context is used.
        """
        self.server: str = text(_cluster(kubeconfig), "server") or "?"
        try:
            config: Any = cast("Any", KubeConfig).from_dict(dict(kubeconfig))
            name = text(_cluster(kubeconfig), "tls-server-name")
            transport = _Named(config.get(), name) if name else None
            self._client: Any = Client(config, timeout=TIMEOUT, trust_env=False, transport=transport)
        except (ConfigError, OSError, ValueError) as error:
            raise CannotRunError(f"the kubeconfig cannot be used: {_first_line(error)}") from None

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Manifest | None:
        """An object, or None if it is not there."""
        try:
            found = self._call(lambda: self._client.get(_resource(kind), name, namespace=namespace))
        except _RefusedError as refused:
            if refused.code == NOT_FOUND:
                return None
            raise refused.error from None
        return _plain(found, kind)

    def list(self, kind: Kind, namespace: str = ALL, labels: Mapping[str, str] | None = None) -> list[Manifest]:
        """All objects of a kind; none where the API server does not know the kind. It knows all of the core group."""
        selector = dict(labels) if labels else None
        keywords: dict[str, Any] = {"labels": selector} | ({"namespace": namespace} if kind.namespaced else {})
        try:
            found = self._call(lambda: list(self._client.list(_resource(kind), **keywords)))
        except _RefusedError as refused:
            if refused.code == NOT_FOUND and kind.group:
                return []
            raise refused.error from None
        return [_plain(each, kind) for each in cast("list[Any]", found)]

    def follow(self, kind: Kind) -> Generator[dict[str, Manifest]]:
        """All objects of a kind by uid, now and after each change, for as long as the API server answers."""
        keywords: dict[str, Any] = {"namespace": ALL} if kind.namespaced else {}
        try:
            with self._translated():
                listed = self._client.list(_resource(kind), **keywords)
                known = {each["metadata"]["uid"]: each for each in (_plain(found, kind) for found in listed)}
                yield dict(known)
                version = listed.resourceVersion
                for what, found in self._client.watch(_resource(kind), resource_version=version, **keywords):
                    thing = _plain(found, kind)
                    if what == "DELETED":
                        known.pop(thing["metadata"]["uid"], None)
                    else:
                        known[thing["metadata"]["uid"]] = thing
                    yield dict(known)
        except _RefusedError as refused:
            raise refused.error from None

    def knows(self, kind: Kind) -> bool:
        """Whether the API server serves a kind of a CustomResourceDefinition."""
        return self.definition(kind) is not None

    def definition(self, kind: Kind) -> Manifest | None:
        """The CustomResourceDefinition of a kind; None if it is not there."""
        return self.get(CUSTOM_RESOURCE_DEFINITION, f"{kind.plural}.{kind.group}")

    def apply(self, kind: Kind, manifest: Mapping[str, Any], manager: str, *, force: bool = False) -> Manifest:
        """Server-side apply.

        Raises:
            ConflictError: another manager owns a field with another value, and `force` is not set.
        """
        return self._patch(kind, manifest, PatchType.APPLY, manager, force=force)

    def merge(self, kind: Kind, manifest: Mapping[str, Any], manager: str) -> Manifest:
        """Merge-patch an object that is there."""
        return self._patch(kind, manifest, PatchType.MERGE, manager, force=False)

    def merge_status(self, kind: Kind, manifest: Mapping[str, Any], manager: str) -> Manifest:
        """Merge-patch an object's status."""
        return self._patch(kind, manifest, PatchType.MERGE, manager, force=False, status=True)

    def create(self, kind: Kind, manifest: Mapping[str, Any]) -> Manifest | None:
        """Create an object; None if there is one of its name."""
        resource = _resource(kind)
        try:
            return _plain(self._call(lambda: self._client.create(resource.from_dict(dict(manifest)))), kind)
        except _RefusedError as refused:
            if refused.code == CONFLICT:
                return None
            raise refused.error from None

    def delete(self, kind: Kind, name: str, namespace: str | None = None, *, grace_period: int | None = None) -> bool:
        """Delete an object; whether there was one."""
        keywords: dict[str, Any] = {"namespace": namespace} if kind.namespaced else {}
        try:
            self._call(lambda: self._client.delete(_resource(kind), name, grace_period=grace_period, **keywords))
        except _RefusedError as refused:
            if refused.code == NOT_FOUND:
                return False
            raise refused.error from None
        return True

    def _patch(
        self,
        kind: Kind,
        manifest: Mapping[str, Any],
        how: PatchType,
        manager: str,
        *,
        force: bool,
        status: bool = False,
    ) -> Manifest:
        metadata = manifest["metadata"]
        resource = _resource(kind).Status if status else _resource(kind)
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **manifest}
        keywords: dict[str, Any] = {"namespace": metadata.get("namespace")} if kind.namespaced else {}
        keywords |= {"patch_type": how, "field_manager": manager, "force": force}
        try:
            return _plain(self._call(lambda: self._client.patch(resource, metadata["name"], body, **keywords)), kind)
        except _RefusedError as refused:
            if refused.code == CONFLICT and how is PatchType.APPLY:
                raise ConflictError(str(refused.error)) from None
            raise refused.error from None

    def _call(self, call: Callable[[], object]) -> object:
        """One call, tried again while the API server is overloaded or away for a moment."""
        with self._translated():
            for attempt in Retrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=PAUSES,
                retry=retry_if_exception(_may_pass),
                reraise=True,
            ):
                with attempt:
                    return call()
        raise AssertionError

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except ApiError as error:
            code = int(error.status.code or 0)
            message = " ".join((error.status.message or "no reason given").split())
            said = f"the API server {self.server} refuses: {message}"
            if code == UNAUTHORIZED:
                hint = (
                    "your AWS principal has no access entry in the cluster, or its session has ended; or this "
                    "machine's clock is wrong, compare `date -u`: a token is taken for 15 minutes"
                )
                raise UnauthorizedError(f"{said}: {hint}") from None
            raise _RefusedError(code, UnansweredError(said)) from None
        except httpx2.HTTPStatusError as error:
            code = error.response.status_code
            said = f"the API server {self.server} answers {code} {error.response.reason_phrase}"
            raise _RefusedError(code, UnansweredError(said)) from None
        except httpx2.HTTPError as error:
            raise UnansweredError(f"the API server {self.server} does not answer: {_first_line(error)}") from None
        except (ConfigError, LoadResourceError) as error:
            raise UnauthorizedError(f"there is no token for {self.server}: {_first_line(error)}") from None


class _Named(httpx2.HTTPTransport):
    """Holds a server to the certificate of a name that is not its address: `tls-server-name`, lightkube has no such."""

    def __init__(self, config: Any, name: str) -> None:
        super().__init__(verify=verify_cluster(config.cluster, config.user, config.abs_file, trust_env=False))
        self._name = name

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        request.extensions = {**request.extensions, "sni_hostname": self._name}
        return super().handle_request(request)


class _RefusedError(Exception):
    """An answer with an error code; `error` is what to say of it."""

    def __init__(self, code: int, error: UnansweredError) -> None:
        super().__init__(str(error))
        self.code = code
        self.error = error


def _may_pass(error: BaseException) -> bool:
    """Whether a failed call may succeed in a moment."""
    if isinstance(error, ApiError):
        return int(error.status.code or 0) in {TOO_MANY, 500, 502, 503, 504}
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code in {TOO_MANY, 500, 502, 503, 504}
    return isinstance(error, httpx2.TransportError) and "CERTIFICATE" not in str(error)


@cache
def _resource(kind: Kind) -> Any:
    library: Any = generic_resource
    make = library.create_namespaced_resource if kind.namespaced else library.create_global_resource
    return make(kind.group, kind.version, kind.kind, kind.plural)


def _plain(found: object, kind: Kind) -> Manifest:
    plain = cast("Manifest", cast("Any", found).to_dict())
    return {**plain, "apiVersion": kind.api_version, "kind": kind.kind}


def _cluster(kubeconfig: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry of the current context's cluster; an empty one if there is none."""
    contexts = {text(each, "name"): text(each, "context", "cluster") for each in mappings(kubeconfig, "contexts")}
    clusters = {text(each, "name"): mapping(each, "cluster") for each in mappings(kubeconfig, "clusters")}
    return clusters.get(contexts.get(text(kubeconfig, "current-context"), ""), {})


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
