"""Advice for the messages of Flux's controllers, as data.

Each case has a heading of its name in docs/troubleshooting-flux.md or docs/troubleshooting-releases.md; a test compares
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A known problem, and how it is recognised."""

    name: str
    kinds: tuple[str, ...]
    """The kinds of objects that say it; empty: any."""
    pattern: re.Pattern[str]
    do: str
    """What to do, with the groups of the pattern in braces."""


def _case(name: str, kinds: str, pattern: str, do: str) -> Case:
    return Case(name, tuple(kinds.split()), re.compile(pattern, re.IGNORECASE | re.DOTALL), do)


MOVE = (
    "its CRD does not exist yet: move the {kind} to a Kustomization that depends on the one that installs it, such as "
    "applications (`make check` says which)"
)

NEVER_STALLS = "a chart cannot be rendered"
"""helm-controller counts only attempts that stored a release towards its retries."""

CASES = (
    _case("Flux is not installed", "Flux", r"not installed", "`fleet bootstrap run` installs it"),
    _case(
        "flux-system is being deleted",
        "Namespace",
        r"it is being deleted",
        "`flux uninstall` removes the finalizers that hold it, workloads keep running; then `fleet bootstrap run`",
    ),
    _case(
        "an old version is stored",
        "CustomResourceDefinition",
        r"storedVersions",
        "`flux migrate` writes the stored objects in the new version; then `fleet bootstrap run`",
    ),
    _case("an object is suspended", "", r"^it is suspended$", "flux resume {resource} {name} -n {namespace}"),
    _case("a missing CRD", "Kustomization", r'no matches for kind "(?P<kind>\w+)" in version "[^"]+"', MOVE),
    # Of one that was there when the controller started.
    _case("a missing CRD", "Kustomization", r"(?P<kind>\w+)/\S+ not found: the server could not find the req", MOVE),
    _case(
        "the ConfigMap is missing",
        "Kustomization",
        r'configmaps? "terraform-outputs" not found',
        "`fleet bootstrap configmap` writes it again",
    ),
    _case(
        "a variable without a value",
        "Kustomization",
        r'variable not set \(strict mode\): "(?P<name>\w+)"',
        "terraform-outputs has no {name}: `make check` finds that before the merge",
    ),
    _case(
        "a missing namespace",
        "Kustomization HelmRelease",
        r'namespaces? "(?P<name>[^"]+)" not found',
        "add the Namespace {name} to k8s/infrastructure/namespaces",
    ),
    _case(
        "invalid YAML",
        "Kustomization",
        r"kustomize build failed|MalformedYAML|yaml: |failed to decode Kubernetes YAML|error converting YAML",
        "fix the file that the message names, and push; `make check` finds that before the merge",
    ),
    _case(
        "access to the cluster is refused",
        "Cluster",
        r"Unauthorized|refuses|no token for",
        "sign in again with the deploy role or a role of clusterAdmins; if that does not help, compare this machine's "
        "clock (`date -u`)",
    ),
    _case(
        "the cluster does not answer",
        "Cluster",
        r"does not answer|answers \d+",
        "a private endpoint takes a tunnel (docs/bootstrap.md, Getting in); for a public one compare your address with "
        "endpointPublicCidrs in the stack's config",
    ),
    _case(
        "the Git host refuses the credentials",
        "GitRepository",
        r"authentication required|authorization failed|invalid credentials|\b401\b|\b403\b|Bad credentials",
        "the token in Secret flux-system/flux-system has expired or lost its right: set FLUX_GITHUB_TOKEN to a new "
        "one and run `fleet bootstrap run` again",
    ),
    _case(
        "the cluster cannot reach the Git host",
        "GitRepository",
        r"no such host|i/o timeout|connection refused|connection reset|network is unreachable|deadline exceeded|"
        r"unable to (?:list|clone)|TLS handshake|EOF|\b50[0-9]\b",
        "the nodes need a way out: check the NAT gateway and the routes of the private subnets, then the Git host",
    ),
    _case(
        "the branch or repository is gone",
        "GitRepository",
        r"couldn't find remote ref|reference not found|repository not found",
        "push the branch, or set `branch` and `repository` in bootstrap.yaml and run again",
    ),
    _case(
        "nodes cannot reach a registry",
        "Pod Deployment",
        r"(?:ErrImagePull|ImagePullBackOff).*(?:i/o timeout|no such host|connection refused|connection reset|"
        r"network is unreachable|TLS handshake|deadline exceeded)",
        "the nodes need a way out: check the NAT gateway and the routes of the private subnets, then the registry",
    ),
    _case(
        "an image cannot be pulled",
        "Pod Deployment",
        r"ErrImagePull|ImagePullBackOff|InvalidImageName",
        "push the tag to ECR (`git tag` and `git push` make load-harness.yml do it), or put back the one before it",
    ),
    _case(
        "pods are not starting",
        "Pod Deployment",
        r"CrashLoopBackOff|RunContainerError|CreateContainer\w*Error|OOMKilled",
        "read why: kubectl logs -n {namespace} {name} --previous",
    ),
    _case(
        "pods find no node",
        "Pod Deployment",
        r"Unschedulable|FailedScheduling|Insufficient \w+",
        "raise the node group's size in the stack's config, or lower the requests",
    ),
    _case(
        "values of a release are missing",
        "HelmRelease",
        r"could not resolve (?P<what>\w+) chart values reference '(?P<reference>[^']+)'",
        "create the {what} {reference} with the key that valuesFrom names, or remove the entry; helm-controller tries "
        "again by itself",
    ),
    _case(
        "a chart makes a custom resource without a CRD",
        "HelmRelease",
        r'Helm (?:install|upgrade) failed.*no matches for kind "(?P<kind>\w+)"',
        "let {name} depend on the HelmRelease that installs the CRD of {kind} (`make check` says which), or switch it "
        "off in the values; helm-controller tries again by itself",
    ),
    _case(
        NEVER_STALLS,
        "HelmRelease",
        r"Helm (?:install|upgrade) failed.*(?:execution error at|parse error|error calling|template: \S+:\d|post.render"
        r"|values don't meet the specifications|unable to build kubernetes objects)",
        "fix the values or the chart, and push: helm-controller tries again by itself, ever less often",
    ),
    _case(
        "a test hook fails",
        "HelmRelease",
        r"Helm test failed",
        "see what failed: kubectl describe jobs,pods -n {namespace}; fix the chart or its values, and push. To run it "
        "again as it is: flux reconcile helmrelease {name} -n {namespace} --reset",
    ),
    _case(
        "a release is stalled",
        "HelmRelease",
        r"\((?:RetriesExceeded|MissingRollbackTarget)\)",
        "fix the values or the chart, and push: that starts the retries anew; without a change to push: flux reconcile "
        "helmrelease {name} -n {namespace} --reset",
    ),
    _case(
        "a release fails",
        "HelmRelease",
        r"Helm (?:install|upgrade|rollback|uninstall)\b.* failed",
        "helm-controller tries again until its retries are used up; fix what the message names, and push",
    ),
    _case(
        "a chart is not available",
        "HelmChart HelmRepository OCIRepository HelmRelease",
        r"chart pull error|no '[^']+' chart|failed to fetch|invalid chart reference|could not get Source object|"
        r"(?:HelmChart|OCIRepository|GitRepository) '[^']+' is not ready",
        "check the chart's name, version and address in the HelmRelease and its source",
    ),
    _case(
        "an image policy matches nothing",
        "ImagePolicy",
        r"no image found|version list argument cannot be empty|unable to determine latest|cannot determine latest",
        "push an image whose tag the policy takes: vX.Y.Z",
    ),
    _case(
        "a registry cannot be scanned",
        "ImageRepository",
        r"UNAUTHORIZED|DENIED|scan failed|unable to (?:list tags|configure authentication)|AccessDenied",
        "the Pod Identity association of image-reflector-controller gives it the ECR role: check it in the stack",
    ),
    _case(
        "a dependency is missing",
        "Kustomization HelmRelease",
        r"dependency '(?P<dependency>[^']+)' not found|unable to get '(?P<other>[^']+)' dependency",
        "dependsOn names something that does not exist: fix it, and push",
    ),
    _case(
        "a health check timed out",
        "Kustomization",
        r"timeout waiting for|health check failed",
        "see what it waits for: kubectl describe kustomization {name} -n {namespace}",
    ),
)
RESOURCES = {
    "GitRepository": "source git",
    "HelmRepository": "source helm",
    "HelmChart": "source chart",
    "ImageRepository": "image repository",
    "ImagePolicy": "image policy",
    "ImageUpdateAutomation": "image update",
}
"""How the flux CLI names a kind, where it is not the kind in small letters."""
OTHERWISE = "read what the object says: kubectl describe {kind_of} {name} -n {namespace}"


def advise(kind: str, namespace: str, name: str, message: str) -> tuple[str, str]:
    """The case's name, empty if it is none of the known, and what to do."""
    resource = RESOURCES.get(kind, kind.lower())
    values = {"namespace": namespace, "name": name, "kind_of": kind.lower(), "resource": resource}
    for case in CASES:
        found = case.pattern.search(message) if not case.kinds or kind in case.kinds else None
        if found:
            return case.name, case.do.format(
                **{**values, **{key: said or "" for key, said in found.groupdict().items()}}
            )
    return "", OTHERWISE.format(**values)
