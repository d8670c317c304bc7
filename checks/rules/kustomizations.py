"""The stage build: what the fields of a Flux Kustomization make of its objects."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from typing import TYPE_CHECKING

from checks import kustomize
from checks.findings import Finding, Severity, Stage
from checks.flux import is_built_in
from checks.manifests import at, mapping, mappings
from checks.rule import rule
from checks.suggest import hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.manifests import Path
    from checks.model import Model
    from checks.tree import Kustomization, Object, Tree

DECRYPT = "kustomize.toolkit.fluxcd.io/decrypt"
CIPHERTEXT = re.compile(r"^sops:\s*$|\"sops\":\s*\{|^sops_version=|^\[sops\]\s*$", re.MULTILINE)
"""What SOPS leaves in a file of YAML, JSON, dotenv or INI (kustomize-controller, detectFormatFromMarkerBytes)."""


@rule("B6", Stage.BUILD, Severity.ERROR)
def not_decrypted(model: Model) -> Iterator[Finding]:
    """B6: an object is encrypted with SOPS, and its Kustomization does not decrypt.

    Where a Secret's `data` holds ciphertext, Flux applies nothing of the Kustomization ("is SOPS encrypted, configuring
    decryption is required"). From every other object of Kubernetes it drops the block `sops` before it looks for it
    (kustomize-controller 1.9, apply: normalize.UnstructuredList), and applies the ciphertext: an error for what
    reads a Secret's `stringData`, otherwise a warning, as for a Secret that switches decryption off and for one that is
    generated from an encrypted file.

    Bad:
        # applications has an encrypted Secret, and no spec.decryption
        prune: true

    Good:
        # applications
        decryption: {provider: sops, secretRef: {name: sops-age}}
    """
    keys = (at(each.spec, "decryption", "secretRef", "name") for each in model.tree.kustomizations)
    key = next((str(each) for each in keys if each), "sops-age")
    stubs = model.tree.stubs
    for owner in model.tree.kustomizations:
        decrypts = at(owner.spec, "decryption", "provider") == "sops"
        # Of a root that the tree does not have, nobody knows whether it decrypts.
        is_made_up = not owner.object.owner and (owner.object.source is None or owner.object.file in stubs)
        for each in owner.objects:
            is_off = str(at(each.built_data, "metadata", "annotations", DECRYPT)).lower() == "disabled"
            if decrypts and not is_off:
                continue
            remedy = (
                f"remove the annotation {DECRYPT}"
                if is_off
                else f"add decryption: {{provider: sops, secretRef: {{name: {key}}}}} to the spec of {owner.id}"
            )
            if "sops" in each.built_data and is_built_in(each.group):
                said = "configuring decryption is required for this secret to be reconciled"
                why = (
                    f"it is SOPS encrypted, {said}"
                    if _has_ciphertext(each, "data") and not is_off
                    else "its values are applied as SOPS wrote them, encrypted"
                )
                is_error = not is_off and (_has_ciphertext(each, "data") or _has_ciphertext(each, "stringData"))
                severity = Severity.NOTE if is_made_up else None if is_error else Severity.WARNING
                yield not_decrypted.at(each, "sops", why=why, remedy=remedy, severity=severity)
            elif found := _encrypted_file(each):
                why = f"its key {found} is applied as SOPS wrote it, encrypted"
                yield not_decrypted.at(each, "data", found, why=why, remedy=remedy, severity=Severity.WARNING)


def _has_ciphertext(each: Object, section: str) -> bool:
    """Whether a value in a section of a Secret is as SOPS writes one."""
    is_secret = (each.api_version, each.kind) == ("v1", "Secret")
    values = mapping(each.built_data.get(section) if is_secret else None).values()
    return any(str(value).startswith("ENC[") for value in values)


def _encrypted_file(each: Object) -> str:
    """The key of a Secret that holds an encrypted file; empty if none does."""
    is_secret = (each.api_version, each.kind) == ("v1", "Secret")
    data = mapping(each.built_data.get("data") if is_secret else None)
    return next((key for key, value in data.items() if CIPHERTEXT.search(_decoded(value))), "")


def _decoded(value: object) -> str:
    try:
        return base64.b64decode(str(value)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


@rule("B7", Stage.BUILD, Severity.NOTE)
def idle_patch(model: Model) -> Iterator[Finding]:
    """B7: the target of a patch matches no object.

    Kustomize then does nothing, in silence: a name was misspelt, or what was patched has gone.

    Bad:
        patches:
          - target: {kind: Deployment, name: wep}   # it is called web
            patch: "- {op: add, path: /spec/replicas, value: 2}"

    Good:
        patches:
          - target: {kind: Deployment, name: web}
            patch: "- {op: add, path: /spec/replicas, value: 2}"
    """
    for owner in model.tree.kustomizations:
        # What a parent patches into all its children need not fit each.
        own = mappings(at(owner.object.source.data, "spec", "patches")) if owner.object.source else []
        for number, entry in enumerate(own):
            if found := _idle(model.tree, [owner], entry, str(entry.get("patch"))):
                path = ("spec", "patches", number, "target")
                yield idle_patch.at(owner.object, *path, why=found[0], remedy=found[1])
    for name, owners in _kustomization_files(model.tree).items():
        document = next(iter(model.tree.files[name].documents), None)
        for path, entry in _patches(document.data) if document else ():
            file = model.tree.files.get(posixpath.normpath(f"{name.rpartition('/')[0]}/{entry.get('path')}"))
            text = f"{entry.get('patch')}{file.text if file else ''}"
            if document and (found := _idle(model.tree, owners, entry, text)):
                line = document.line_of(*path, "target")
                yield idle_patch.on(name, line, "Kustomization", why=found[0], remedy=found[1])


def _kustomization_files(tree: Tree) -> dict[str, list[Kustomization]]:
    """The kustomization files, and the Flux Kustomizations that are built from each."""
    found: dict[str, list[Kustomization]] = {}
    for owner in tree.kustomizations:
        for name in owner.reach.files:
            if name.rpartition("/")[2] in kustomize.KUSTOMIZATION_FILES and name in tree.files:
                found.setdefault(name, []).append(owner)
    return dict(sorted(found.items()))


def _patches(data: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for field in ("patches", "patchesJson6902"):
        yield from (((field, number), entry) for number, entry in enumerate(mappings(at(data, field))))


def _idle(tree: Tree, owners: list[Kustomization], entry: Mapping[str, Any], text: str) -> tuple[str, str] | None:
    """Why a patch does nothing, and what to do; None if it does something, or it cannot be known."""
    target = mapping(entry.get("target"))
    is_unknown = tree.is_unbuilt(owners) or any(each.file in tree.stubs for owner in owners for each in owner.objects)
    # What it deletes is no longer among the objects.
    if not target or is_unknown or "$patch: delete" in text:
        return None
    try:
        objects = [each for owner in owners for each in owner.objects]
        if any(_is_target(target, each, _in_file(tree, each)) for each in objects):
            return None
    except re.error:
        return None
    described = " ".join(f"{key} {value}" for key, value in target.items())
    names = [each.name for each in objects if target.get("kind") in (None, each.kind)]
    meant = hint(str(target["name"]), names) if target.get("name") else ""
    why = f"its target ({described}) matches no object: it changes nothing"
    return why, f"correct the target, or remove the patch{meant}"


def _in_file(tree: Tree, each: Object) -> list[Any]:
    """What an object may have been made from: the documents of its file that are of its kind."""
    file = tree.files.get(each.file)
    return [document.data for document in file.documents if at(document.data, "kind") == each.kind] if file else []


def _is_target(target: Mapping[str, Any], each: Object, in_file: list[Any]) -> bool:
    """Whether a patch's target may mean an object, as it is built or as it is in its file.

    Source: kustomize api, types.Selector and SelectorRegex: names and namespaces are anchored regular expressions.
    """
    forms: list[Any] = [each.built_data, *in_file]
    names = {str(at(form, "metadata", "name")) for form in forms}
    namespaces = {str(at(form, "metadata", "namespace") or "") for form in forms}
    group, _, version = str(each.built_data.get("apiVersion")).rpartition("/")
    return (
        target.get("group") in (None, "", group)
        and target.get("version") in (None, "", version)
        and target.get("kind") in (None, "", each.kind)
        # A name that is generated is not known as it was when it was patched.
        and (not in_file or _any_matches(target.get("name"), names))
        and _any_matches(target.get("namespace"), namespaces | {"default"})
        and any(_has(target.get("labelSelector"), at(form, "metadata", "labels")) for form in forms)
        and any(_has(target.get("annotationSelector"), at(form, "metadata", "annotations")) for form in forms)
    )


def _any_matches(pattern: object, values: set[str]) -> bool:
    return not pattern or any(re.fullmatch(str(pattern), value) for value in values)


def _has(selector: object, values: object) -> bool:
    """Whether labels fulfil the equalities of a selector; others than those may be fulfilled."""
    pairs = [part.partition("=") for part in str(selector or "").replace("==", "=").split(",")]
    return all(
        str(mapping(values).get(key.strip())) == value.strip()
        for key, sign, value in pairs
        if sign and not key.endswith("!") and re.fullmatch(r"[\w./-]+", key.strip())
    )
