"""The stage order: images, and the image automation that writes their tags."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from checks import images, kustomize
from checks.findings import Finding, Severity, Stage
from checks.manifests import at, listed, mapping
from checks.rule import rule
from common import semver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Object


@rule("E19", Stage.ORDER, Severity.ERROR)
def variable_in_image_name(model: Model) -> Iterator[Finding]:
    """E19: the name of an image in a kustomization file has a variable in it.

    kustomize reads the name as a regular expression and knows no variables, which Flux replaces only afterwards:
    `${…}` never matches, and the tag next to it is never set.

    Bad:
        images:
          - name: ${ECR_REGISTRY}/app
            newTag: v1.2.3

    Good:
        images:
          - name: app
            newName: ${ECR_REGISTRY}/app
            newTag: v1.2.3
    """
    for name in sorted(model.tree.reached & model.tree.files.keys()):
        if name.rpartition("/")[2] not in kustomize.KUSTOMIZATION_FILES:
            continue
        for document in model.tree.files[name].documents:
            for number, image in enumerate(listed(at(document.data, "images"))):
                if "${" in str(at(image, "name")):
                    why = f"kustomize reads the name {at(image, 'name')} as a regular expression: it never matches"
                    line = document.line_of("images", number, "name")
                    remedy = "give the container a plain image name, and put the variable into newName"
                    yield variable_in_image_name.on(name, line, "Kustomization", why=why, remedy=remedy)


@rule("I1", Stage.ORDER, Severity.ERROR)
def marker_without_policy(model: Model) -> Iterator[Finding]:
    """I1: a marker names no ImagePolicy of the tree, or is none.

    image-automation-controller leaves such a line alone, in silence: the image is never updated. Markers are looked at
    only in files of this cluster. Where not all was seen, it is a warning.

    Bad:
        newTag: v1.0.0 # {"$imagepolicy": "flux-system:load-harnes:tag"}

    Good:
        newTag: v1.0.0 # {"$imagepolicy": "flux-system:load-harness:tag"}
    """
    policies = images.policies(model.tree)
    for marker in model.markers:
        about = marker.label.strip()
        if not marker.policy:
            why = 'it is no {"$imagepolicy": "<namespace>:<policy>"}, with :tag, :name or :digest after it or nothing'
            yield marker_without_policy.on(marker.file, marker.line, about, why=why, remedy="write it so")
        elif marker.policy not in policies:
            near = difflib.get_close_matches(marker.policy, policies, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(policies) or 'none'}"
            why = f"there is no ImagePolicy {marker.policy}: the value is never updated"
            remedy = f"name one that is there: {hint}"
            severity = Severity.WARNING if model.tree.is_partly_seen else None
            yield marker_without_policy.on(marker.file, marker.line, about, why=why, remedy=remedy, severity=severity)


@rule("I2", Stage.ORDER, Severity.ERROR)
def marker_outside(model: Model) -> Iterator[Finding]:
    """I2: a marker is where no ImageUpdateAutomation writes its policy's image.

    An automation looks at the files under its update.path alone, and at the ImagePolicies of its own namespace that its
    policySelector takes. Where no automation writes at all it is a warning: another cluster's may.

    Bad:
        # ImageUpdateAutomation
        update: {path: ./k8s/apps, strategy: Setters}   # the marker is in k8s/applications

    Good:
        update: {path: ./k8s/applications, strategy: Setters}
    """
    # A policy that does not exist is another rule's.
    automations = [
        each for each in images.of_kind(model.tree, images.AUTOMATION) if images.writes_here(model.tree, each)
    ]
    policies = images.policies(model.tree)
    for marker in model.markers:
        here = [each for each in automations if images.writes_to(each, marker.file)]
        policy = policies.get(marker.policy)
        if not here:
            paths = ", ".join(images.update_path(each) for each in automations)
            why = f"no ImageUpdateAutomation writes here: {f'they write to {paths}' if paths else 'there is none'}"
            remedy = "move the file beneath an update.path, or the path above the file"
            # Another cluster, or another repository's automation, may write what this one reads.
            severity = Severity.WARNING
        elif policy and not any(images.follows(each, policy) for each in here):
            named = ", ".join(each.id for each in here)
            why = f"ImageUpdateAutomation {named} does not follow ImagePolicy {policy.id}"
            remedy = "put both into one namespace, and let its policySelector, if it has one, take the policy"
            severity = None
        else:
            continue
        yield marker_outside.on(marker.file, marker.line, marker.label, why=why, remedy=remedy, severity=severity)


@rule("I3", Stage.ORDER, Severity.ERROR)
def marker_not_applied(model: Model) -> Iterator[Finding]:
    """I3: a marker is in a file that no Flux Kustomization applies.

    The tag is updated and committed, and the cluster never sees it.

    Bad:
        # k8s/applications/app/kustomization.yaml has the marker; k8s/applications/kustomization.yaml does not list app

    Good:
        resources: [app]
    """
    for marker in model.markers:
        if marker.file not in model.tree.reached:
            why = f"no Flux Kustomization applies {marker.file}: an update would never reach the cluster"
            remedy = "list the file, or take the marker out"
            yield marker_not_applied.on(marker.file, marker.line, marker.label, why=why, remedy=remedy)


FIELDS = {"image": "", "newTag": "tag", "newName": "name", "tag": "tag", "repository": "name", "digest": "digest"}
"""The fields whose meaning is known → the part of a marker that fits; any other may hold anything."""
MEANING = {"": "a whole image", "tag": "a tag", "name": "a name without a tag", "digest": "a digest"}


@rule("I4", Stage.ORDER, Severity.ERROR)
def marker_field(model: Model) -> Iterator[Finding]:
    """I4: a marker is next to a value that it must not write.

    `:tag` writes a tag, `:name` a name and `:digest` a digest; without any of them the whole image is written, the
    registry with it. Fields of other names, such as a version or an environment variable's value, may hold any of them.
    A variable in the value is overwritten by the first update, and the manifest is of one account from then on. A
    policy that reflects no digest writes an empty one.

    Bad:
        image: ${ECR_REGISTRY}/app:v1.0.0 # {"$imagepolicy": "flux-system:app"}

    Good:
        newTag: v1.0.0 # {"$imagepolicy": "flux-system:app:tag"}
    """
    policies = images.policies(model.tree)
    for marker in model.markers:
        policy = policies.get(marker.policy)
        wanted = FIELDS.get(marker.key)
        if "${" in marker.value:
            why = f"an update overwrites {marker.value}, and its variable is lost"
            remedy = "give the tag a field of its own, as images.newTag of a kustomization file, with :tag"
        elif wanted is not None and wanted != marker.part:
            why = f"it writes {MEANING[marker.part]} into {marker.key}"
            remedy = f"put it next to a field that holds {MEANING[marker.part]}, or let it write {MEANING[wanted]}"
        elif marker.part == "digest" and policy and policy.spec.get("digestReflectionPolicy") in (None, "Never"):
            why = f"ImagePolicy {policy.id} reflects no digest: an update would write an empty one"
            remedy = "set the policy's digestReflectionPolicy to IfNotPresent or Always"
        else:
            continue
        yield marker_field.on(marker.file, marker.line, marker.label, why=why, remedy=remedy)


NO_RELEASES = ("v1.1.0-rc.1", "1.1.0-alpha", "latest", "main", "sha-0a1b2c3", "v1.1.0-20261127")


@rule("I5", Stage.ORDER, Severity.WARNING)
def policy_and_tag(model: Model) -> Iterator[Finding]:
    """I5: an ImagePolicy refuses the tag in use, or accepts one that is not a release.

    A tag that the policy refuses was set by hand, and the first update may go backwards. A policy that takes
    pre-releases or anything else rolls out what nobody released.

    Bad:
        policy: {semver: {range: ">=1.0.0-0"}}        # takes v1.1.0-rc.1

    Good:
        filterTags: {pattern: '^v[0-9]+\\.[0-9]+\\.[0-9]+$'}
        policy: {semver: {range: ">=1.0.0"}}
    """
    policies = images.policies(model.tree)
    refused: set[str] = set()
    for name, policy in policies.items():
        try:
            taken = [tag for tag in NO_RELEASES if images.selects(policy, tag)]
        except (semver.RangeError, re.error, IndexError) as error:
            refused.add(name)
            remedy = "correct the range, or the pattern"
            yield policy_and_tag.at(policy, "spec", "policy", why=f"it cannot be read: {error}", remedy=remedy)
            continue
        if taken:
            why = (
                f"it accepts {', '.join(taken)}, which {'is not a release' if len(taken) == 1 else 'are not releases'}"
            )
            remedy = (
                r"filter tags by a pattern such as ^v[0-9]+\.[0-9]+\.[0-9]+$, and take pre-releases out of the range"
            )
            yield policy_and_tag.at(policy, "spec", "policy", why=why, remedy=remedy)
    for marker in model.markers:
        policy, tag = policies.get(marker.policy), marker.tag
        if policy is None or marker.policy in refused or tag is None:
            continue
        if images.selects(policy, tag) is False:
            why = f"the ImagePolicy {marker.policy} refuses the tag {tag}" if tag else "there is no tag yet"
            remedy = "set a tag that the policy accepts, or correct the policy"
            yield policy_and_tag.on(marker.file, marker.line, marker.label, why=why, remedy=remedy)


@rule("I6", Stage.ORDER, Severity.ERROR)
def loose_end(model: Model) -> Iterator[Finding]:
    """I6: a part of the image flow leads nowhere.

    A policy without its repository is never Ready, an automation without its source neither; a policy that no marker
    names updates nothing.

    Bad:
        kind: ImagePolicy
        spec: {imageRepositoryRef: {name: load-harnes}}

    Good:
        kind: ImagePolicy
        spec: {imageRepositoryRef: {name: load-harness}}
    """
    repositories = {each.id for each in images.of_kind(model.tree, "ImageRepository")}
    sources = {each.id for owner in model.tree.kustomizations for each in owner.objects if each.kind == "GitRepository"}
    sources |= {f"{namespace}/{name}" for _, namespace, name in model.tree.sources}
    severity = Severity.WARNING if model.tree.is_partly_seen else None
    named = {marker.policy for marker in model.markers}
    for each in images.of_kind(model.tree, "ImagePolicy"):
        wanted = _target(each, "imageRepositoryRef")
        if wanted not in repositories:
            why = f"there is no ImageRepository {wanted}: no tag is ever chosen"
            remedy = "name one that is there"
            yield loose_end.at(each, "spec", "imageRepositoryRef", why=why, remedy=remedy, severity=severity)
        if each.id not in named:
            why, remedy = "no marker names it: it updates nothing", "put a marker next to a tag, or remove the policy"
            yield loose_end.at(each, why=why, remedy=remedy, severity=Severity.WARNING)
    for each in images.of_kind(model.tree, "ImageUpdateAutomation"):
        wanted = _target(each, "sourceRef")
        if wanted not in sources:
            why = f"there is no GitRepository {wanted}: nothing is ever written"
            remedy = "name one that is there"
            yield loose_end.at(each, "spec", "sourceRef", why=why, remedy=remedy, severity=severity)


def _target(each: Object, field: str) -> str:
    reference = mapping(each.spec.get(field))
    return f"{reference.get('namespace') or each.namespace}/{reference.get('name')}"
