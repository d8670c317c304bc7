"""The stage build: whether kustomize builds what Flux applies, and whether each object is applied once."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from checks import build_places, kustomize
from checks.entry import Origin
from checks.findings import Finding, Severity, Stage
from checks.manifests import at, listed, mapping
from checks.rule import rule
from checks.tree import GOTK_COMPONENTS, GOTK_SYNC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Kustomization, Object, Tree


@rule("B1", Stage.BUILD, Severity.ERROR)
def refused_build(model: Model) -> Iterator[Finding]:
    """B1: kustomize refuses to build what a Flux Kustomization applies.

    kustomize-controller runs the same build; the Kustomization never becomes Ready, and nothing of it is applied.

    Bad:
        # kustomization.yaml
        resources:
          - deploymnet.yaml   # there is no such file

    Good:
        # kustomization.yaml
        resources:
          - deployment.yaml
    """
    for each in model.tree.kustomizations:
        if each.problem:
            place = build_places.place(model.tree, each) or each.object.place("spec", "path")
            remedy = f"make `kustomize build {each.path}` succeed"
            yield refused_build.on(place.file, place.line, each.object.label, why=each.problem, remedy=remedy)


@rule("B2", Stage.BUILD, Severity.NOTE)
def remote_base(model: Model) -> Iterator[Finding]:
    """B2: a kustomization file names a base that is not in the repository.

    Nothing is fetched to check it, so what it holds was not seen, and nothing follows from what is missing elsewhere.
    kustomize-controller builds it, unless it is told --no-remote-bases: then this is an error.

    Bad:
        resources:
          - https://github.com/acme/bases//monitoring?ref=main

    Good:
        resources:
          - ../bases/monitoring   # or a GitRepository and a Flux Kustomization of its own
    """
    refused = model.tree.entry.refuses_remote_bases
    for file, line, name in model.tree.remotes:
        yield remote_base.on(
            file,
            line,
            f"base {name}",
            why="Flux is told --no-remote-bases: the build fails"
            if refused
            else "a remote base: not fetched, not seen",
            remedy="copy it into the repository, or give it a GitRepository and a Flux Kustomization of its own",
            severity=Severity.ERROR if refused else None,
        )


@rule("B3", Stage.BUILD, Severity.ERROR)
def symlink(model: Model) -> Iterator[Finding]:
    """B3: a symlink stands where Flux would look for a file.

    source-controller puts regular files into its artifact and leaves links out in silence: what is behind the link is
    never applied, or the build fails for want of it.

    Bad:
        k8s/applications/dashboard.json -> ../../dashboards/app.json

    Good:
        # kustomization.yaml, which may name files outside its own folder
        configMapGenerator:
          - name: dashboard
            files: [../../dashboards/app.json]
    """
    # Others may be there.
    for link in model.tree.artifact.symlinks:
        if any(_is_named(each, link) or _is_generated(model.tree, each, link) for each in model.tree.kustomizations):
            why = "a symlink, which source-controller leaves out of the artifact"
            yield symlink.on(link, 1, link, why=why, remedy="put the file itself here, or name it where it is")


def _is_named(each: Kustomization, link: str) -> bool:
    """Whether a kustomization file names the link, or something behind it."""
    return any(name == link or name.startswith(f"{link}/") for name in each.reach.missing)


def _is_generated(tree: Tree, each: Kustomization, link: str) -> bool:
    """Whether the link would be a resource, since no kustomization file stands in or above its folder."""
    above = [folder.as_posix() for folder in PurePosixPath(link).parents if each.covers(f"{folder.as_posix()}/")]
    is_listed = any(
        f"{folder}/{name}".removeprefix("./") in tree.artifact.files
        for folder in above
        for name in kustomize.KUSTOMIZATION_FILES
    )
    is_resource = link.endswith(kustomize.MANIFESTS) or (tree.root / link).is_dir()
    return each.covers(link) and is_resource and not is_listed


@rule("B4", Stage.BUILD, Severity.ERROR)
def bootstrap_list(model: Model) -> Iterator[Finding]:
    """B4: the bootstrap's kustomization file does not list what the bootstrap writes.

    `flux bootstrap` keeps a kustomization.yaml that is there as it is. Without gotk-components.yaml in it no controller
    is installed, without gotk-sync.yaml nothing is ever reconciled. Before it has written gotk-sync.yaml it applies
    what the list names: a file of that name, be it a remark alone, must be there. A folder that lists neither file may
    be flux-operator's, or no folder of Flux's at all: then it is a warning, and nothing once the tree has a
    FluxInstance.

    Bad:
        resources: [kustomizations.yaml]

    Good:
        resources: [gotk-components.yaml, gotk-sync.yaml, kustomizations.yaml]
    """
    folder = model.tree.config.bootstrap.folder
    if model.tree.entry.origin not in {Origin.BOOTSTRAP, Origin.ASSUMED}:
        return
    for name in kustomize.KUSTOMIZATION_FILES:
        file = model.tree.files.get(f"{folder}/{name}")
        if file and file.documents:
            document = file.documents[0]
            line = document.line_of("resources")
            names = [str(each).removeprefix("./") for each in listed(at(document.data, "resources"))]
            written = (GOTK_COMPONENTS, GOTK_SYNC)
            is_bootstraps = any(each in names or f"{folder}/{each}" in model.tree.files for each in written)
            for wanted in written:
                if wanted not in names:
                    why = f"flux bootstrap keeps this file, and without {wanted} Flux is not installed by it"
                    remedy = f"add {wanted} to its resources"
                    severity = None if is_bootstraps else Severity.WARNING
                    yield bootstrap_list.on(file.name, line, "Kustomization", why=why, remedy=remedy, severity=severity)
            if GOTK_SYNC in names and f"{folder}/{GOTK_SYNC}" not in model.tree.files:
                why = f"the first flux bootstrap applies this list before it has written {GOTK_SYNC}, and fails"
                remedy = f"add {folder}/{GOTK_SYNC} with a remark in it, which the bootstrap replaces"
                yield bootstrap_list.on(file.name, line, "Kustomization", why=why, remedy=remedy)


@rule("B5", Stage.BUILD, Severity.NOTE)
def other_source(model: Model) -> Iterator[Finding]:
    """B5: a Flux Kustomization applies what another source holds.

    What it applies is not in this repository, so nothing of it was checked here, nor counted as there for others.

    Bad:
        sourceRef: {kind: OCIRepository, name: platform}

    Good:
        sourceRef: {kind: GitRepository, name: flux-system}
    """
    for each in model.tree.foreign:
        source = mapping(each.spec.get("sourceRef"))
        why = f"it applies what {source.get('kind')} {source.get('name')} holds: that is not checked"
        yield other_source.at(each, "spec", "sourceRef", why=why, remedy="check it in its own repository")


@rule("E9", Stage.BUILD, Severity.WARNING)
def orphan(model: Model) -> Iterator[Finding]:
    """E9: a manifest that no Flux Kustomization applies.

    A kustomization file is used as it is: what it does not list is silently left out, and so is all that lies beneath
    it.

    Bad:
        # kustomization.yaml next to deployment.yaml and hpa.yaml
        resources: [deployment.yaml]

    Good:
        resources: [deployment.yaml, hpa.yaml]
    """
    for name, file in model.tree.files.items():
        above = [each for each in model.tree.kustomizations if each.covers(name)]
        is_manifest = bool(file.documents) and name.rpartition("/")[2] not in kustomize.KUSTOMIZATION_FILES
        if above and name not in model.tree.reached and is_manifest and not model.tree.is_unbuilt(above):
            owner = max(above, key=lambda each: len(each.path))
            why = f"it lies under {owner.path}, but no kustomization file lists it: it is never applied"
            yield orphan.on(name, 1, name, why=why, remedy="list it, or rename it so that it does not end in .yaml")


@rule("E10", Stage.BUILD, Severity.ERROR)
def two_owners(model: Model) -> Iterator[Finding]:
    """E10: two Flux Kustomizations apply the same object.

    Each takes it over from the other at every interval, and the first one that no longer has it deletes it from under
    the other. Where both apply the same content it works until then, and is a warning.

    Bad:
        # Kustomization infrastructure: path ./k8s/infrastructure
        # k8s/infrastructure/team.yaml
        kind: Namespace
        # Kustomization applications: path ./k8s/applications
        # k8s/applications/team.yaml, the same name
        kind: Namespace

    Good:
        # Kustomization infrastructure: path ./k8s/infrastructure
        # k8s/infrastructure/team.yaml
        kind: Namespace
        # Kustomization applications: path ./k8s/applications, without a team.yaml
    """
    first: dict[tuple[str, str, str], Object] = {}
    for each in model.tree.objects:
        other = first.setdefault((each.group, each.kind, each.id), each)
        if other.owner != each.owner:
            is_same = other.manifest == each.manifest
            why = f"{other.owner} and {each.owner} both apply it, and take it from each other"
            remedy = "delete it from one of the two Kustomizations, or separate paths that overlap"
            yield two_owners.at(each, why=why, remedy=remedy, severity=Severity.WARNING if is_same else None)
