"""The stage substitution: variables, and where their values come from."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

from checks import envsubst, scripts, variables
from checks.config import FILE, Kind
from checks.entry import is_flux_kustomization
from checks.findings import Finding, Severity, Stage
from checks.manifests import at, scalars
from checks.references import Target
from checks.rule import rule
from checks.suggest import near
from checks.tree import SUBSTITUTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.manifests import Path
    from checks.model import Model
    from checks.tree import Object


@rule("S1", Stage.SUBSTITUTION, Severity.ERROR)
def unparsable(model: Model) -> Iterator[Finding]:
    """S1: Flux cannot parse what looks like a variable.

    The object's build fails ("variable substitution failed: missing closing brace"), and with it the whole
    Kustomization. A `${…}` that is meant for somebody else, a shell or Grafana, has to be escaped or switched off.

    Bad:
        query: rate(x[${__interval.window}])

    Good:
        query: rate(x[$${__interval.window}])   # or the annotation kustomize.toolkit.fluxcd.io/substitute: disabled
    """
    for each in model.used_variables:
        if each.problem and each.owner.substitutes:
            yield unparsable.on(
                each.object.file,
                variables.line(model.tree, each.object, "${"),
                each.object.label,
                why=f"post build failed: envsubst error: variable substitution failed: {each.problem}",
                remedy=f"write $${{ for what is not Flux's, or annotate the object with {SUBSTITUTE}: disabled",
            )


@rule("S2", Stage.SUBSTITUTION, Severity.ERROR)
def no_value(model: Model) -> Iterator[Finding]:
    """S2: a variable has no value and no default.

    Flux is strict since 2.9: the build fails ("variable not set (strict mode)"), and nothing of the Kustomization is
    applied. An older Flux, or one that is told so by its feature gate, puts nothing in its place: a warning. Nothing is
    said where a ConfigMap or Secret that is not known here may have it (S5).

    Bad:
        region: ${REGION}        # the ConfigMap has AWS_REGION

    Good:
        region: ${AWS_REGION}    # or ${REGION:-eu-west-2}
    """
    strict = model.tree.entry.is_strict
    for each in model.used_variables:
        for name in variables.unset(each):
            yield no_value.on(
                each.object.file,
                variables.line(model.tree, each.object, f"${{{name}"),
                each.object.label,
                why=f'post build failed: variable not set (strict mode): "{name}"'
                if strict
                else f"{name} has no value: this version of Flux puts nothing in its place, 2.9 refuses it",
                severity=None if strict else Severity.WARNING,
                remedy=_give(each.object, name, each.owner.variables or {}),
            )


def _give(each: Object, name: str, values: Mapping[str, str]) -> str:
    """What to do about a variable without a value: it is misspelt, another program's, or has none."""
    give = f"give {name} a value or a default"
    if meant := near(name, values):
        return f"did you mean {meant}? Otherwise {give}"
    if reader := scripts.reader(each, name):
        off = f", or annotate the {each.kind} with {SUBSTITUTE}: disabled" if scripts.is_script(each) else ""
        return f"write $${{{name}}} if {reader} is to see ${{{name}}}{off}; otherwise {give}"
    known = ", ".join(sorted(values)) or "none"
    return f"{give}; known are {known}"


@rule("S3", Stage.SUBSTITUTION, Severity.ERROR)
def not_substituted(model: Model) -> Iterator[Finding]:
    """S3: an object uses a variable, but its Kustomization substitutes none.

    Without spec.postBuild, or with a postBuild that has no value at all, Flux applies the text as it is: the cluster
    gets the literal ${…}. What a Flux Kustomization lays on its objects (patches, images, names) is substituted with
    them, by its own postBuild.

    Bad:
        # applications has no postBuild
        image: ${ECR_REGISTRY}/app

    Good:
        # applications
        postBuild:
          substituteFrom: [{kind: ConfigMap, name: terraform-outputs}]
    """
    # Variables that the repository does not declare are left alone.
    declared = {key for keys in model.tree.config.variables.values() for key in keys}
    own = {each.id: each for each in model.tree.kustomizations}
    for each in model.used_variables:
        if each.owner.substitutes:
            continue
        uses = each.uses
        itself = own.get(each.object.id) if is_flux_kustomization(each.object.manifest) else None
        if itself and itself.substitutes:
            uses = variables.outside(each.object, LAID_ON)
        names = list(dict.fromkeys(use.name for use in uses if use.name in declared))
        if names:
            yield not_substituted.on(
                each.object.file,
                variables.line(model.tree, each.object, f"${{{names[0]}"),
                each.object.label,
                why=f"{each.owner.id} substitutes nothing: ${{{names[0]}}} would be applied as it is",
                remedy=f"give {each.owner.id} a postBuild.substituteFrom that has {names[0]}",
            )


LAID_ON = ("patches", "images", "commonMetadata", "namePrefix", "nameSuffix", "targetNamespace")
"""The fields of a Flux Kustomization that end up in what it builds."""


RENAME = "rename it: letters, digits and underscores, no digit first"


@rule("S4", Stage.SUBSTITUTION, Severity.ERROR)
def invalid_key(model: Model) -> Iterator[Finding]:
    """S4: a key is not a valid variable name.

    One such key in a ConfigMap, Secret or postBuild.substitute fails every object of the Kustomization ("var name is
    invalid").

    Bad:
        substitute: {vpc-id: vpc-1}

    Good:
        substitute: {VPC_ID: vpc-1}
    """
    for owner in model.tree.kustomizations:
        for key in variables.inline(owner):
            if not envsubst.KEY.fullmatch(key):
                yield invalid_key.at(
                    owner.object, "spec", "postBuild", "substitute", key, why=_invalid(key), remedy=RENAME
                )
        for source in variables.sources(owner):
            held = model.values.get(source.name)
            for key in model.tree.config.variables.get(source.name, {}) if held is None else held:
                if not envsubst.KEY.fullmatch(key):
                    path = ("spec", "postBuild", "substituteFrom", source.number)
                    yield invalid_key.at(owner.object, *path, why=f"{source.name}: {_invalid(key)}", remedy=RENAME)


def _invalid(key: str) -> str:
    return f"'{key}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$': every object fails"


@rule("S5", Stage.SUBSTITUTION, Severity.ERROR)
def unknown_source(model: Model) -> Iterator[Finding]:
    """S5: values come from a ConfigMap or Secret that is not there.

    Without it every build fails ("substitute from 'ConfigMap/x' error: configmaps \"x\" not found"), even of objects
    without variables. What the tree holds counts as it is, and checks.yaml declares what is made outside of it. One
    that neither knows is a warning: an operator or an installer may make it. One that the tree holds in another
    namespace is an error, unless an annotation says that it is copied.

    Bad:
        # the ConfigMap terraform-outputs is in the namespace default, the Kustomization in flux-system
        substituteFrom: [{kind: ConfigMap, name: terraform-outputs}]

    Good:
        # both are in flux-system
        substituteFrom: [{kind: ConfigMap, name: terraform-outputs}]
    """
    known = {*model.tree.config.variables, *model.values}
    for owner in model.tree.kustomizations:
        for source in variables.sources(owner):
            if source.name in known or source.optional:
                continue
            kind, namespace, name = source.name.split("/", 2)
            if model.world.maker(Target(("", kind), namespace, name)):
                continue
            elsewhere = [
                each for each in model.tree.objects if (each.api_version, each.kind, each.name) == ("v1", kind, name)
            ]
            why = f"substitute from '{source.name}' error: not found"
            if elsewhere and not any(map(model.world.is_copied, elsewhere)):
                severity = Severity.ERROR
                why = f"{why}: the tree has it in the namespace {elsewhere[0].namespace}"
                remedy = f"move it to the namespace of {owner.id}"
            else:
                near = difflib.get_close_matches(source.name, known, n=1)
                hint = f": did you mean {near[0]}?" if near else ""
                severity = Severity.WARNING
                uses = {use.name for each in model.used_variables if each.owner is owner for use in each.uses}
                needed = sorted(uses - (owner.variables or {}).keys())
                has = f" and has {', '.join(needed)}" if needed else ""
                why = f"{why}, unless something outside of the tree makes it{has}: assumed"
                remedy = f"declare {source.name} under variables in checks.yaml, or correct its name{hint}"
            path = ("spec", "postBuild", "substituteFrom", source.number)
            yield unknown_source.at(owner.object, *path, why=why, remedy=remedy, severity=severity)


@rule("S6", Stage.SUBSTITUTION, Severity.WARNING)
def needless_substitution(model: Model) -> Iterator[Finding]:
    """S6: a Kustomization substitutes, and none of its objects uses a variable; or it sets one that none uses.

    It then waits for a ConfigMap that it does not need, and fails without it.

    Bad:
        postBuild:
          substitute: {REPLICAS: "2"}   # no object has ${REPLICAS}

    Good:
        # no postBuild
    """
    for owner in model.tree.kustomizations:
        if owner.variables is None or model.tree.is_unbuilt([owner]):
            continue
        uses = {use.name for each in model.used_variables if each.owner is owner for use in each.uses}
        for key in variables.inline(owner):
            if key not in uses:
                path = ("spec", "postBuild", "substitute", key)
                why, remedy = f"no object uses {key}", f"take {key} out, or use it"
                yield needless_substitution.at(owner.object, *path, why=why, remedy=remedy)
        if not uses and not variables.inline(owner):
            yield needless_substitution.at(
                owner.object,
                *("spec", "postBuild"),
                why="no object uses a variable, yet all fail without the sources",
                remedy="take postBuild out",
            )


EXACTLY = re.compile(r"\$\{(\w+)\}")


@rule("S7", Stage.SUBSTITUTION, Severity.ERROR)
def changed_type(model: Model) -> Iterator[Finding]:
    """S7: a value is exactly a variable, and turns into a number, a boolean or nothing.

    Flux replaces text and reads the YAML again; quotes around the variable are gone by then. Where the API wants a
    string, it refuses the object; in a label, a ConfigMap, an argument or an environment it always wants one. Elsewhere
    the type that checks.yaml declares tells what was meant; a Kustomization's own values have none.

    Bad:
        data: {account: "${AWS_ACCOUNT_ID}"}            # becomes 123456789012, a number

    Good:
        data: {registry: "account ${AWS_ACCOUNT_ID}"}   # text; or a variable with quotes in its value around it
    """
    declared = model.tree.config.variables.values()
    text = {key for keys in declared for key, variable in keys.items() if variable.type is Kind.STRING}
    for each in model.used_variables:
        if not each.owner.substitutes:
            continue
        is_string = text - set(variables.inline(each.owner))
        # Of a variable without a value S2 says it.
        unset = variables.unset(each)
        for path, before in scalars(each.object.built_data):
            found = EXACTLY.fullmatch(before) if isinstance(before, str) else None
            after = at(each.object.manifest, *path)
            if not found or found[1] in unset:
                continue
            if not isinstance(after, str) and (found[1] in is_string or _is_text(each.object, path)):
                yield changed_type.at(
                    each.object,
                    *path,
                    why=f"{'.'.join(map(str, path))} becomes {json.dumps(after)}, which is not a string",
                    remedy=f"put {before} into a longer text, or declare its type in checks.yaml if that is meant",
                )


def _is_text(each: Object, path: Path) -> bool:
    """Whether the API takes nothing but a string there."""
    match path:
        case ("data" | "stringData", _):
            return each.kind in {"ConfigMap", "Secret"}
        case (*_, "labels" | "annotations" | "matchLabels" | "nodeSelector", str()):
            return True
        case (*_, "args" | "command", int()) | (*_, "env", int(), "value"):
            return True
        case _:
            return False


LITERAL = re.compile(
    r"\b\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com|\barn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:"
    r"|\b(?:vpc|subnet|sg|eipalloc|igw|nat|rtb)-[0-9a-f]{8,17}\b"
)
"""An account id in an ARN or a registry, or an id that AWS gives."""


@rule("S8", Stage.SUBSTITUTION, Severity.WARNING)
def literal(model: Model) -> Iterator[Finding]:
    """S8: a manifest has a literal of one account or one cluster.

    The same manifests serve every account and every rebuild; a VPC's id changes each day. The values come from the
    ConfigMap.

    Bad:
        image: 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app

    Good:
        image: ${ECR_REGISTRY}/app
    """
    for each in model.tree.objects:
        if each.owner == model.tree.bootstrap.id:
            continue
        for path, value in scalars(each.built_data):
            found = LITERAL.search(value) if isinstance(value, str) and "\n" not in value else None
            if found:
                yield literal.at(
                    each,
                    *path,
                    why=f"{found[0]} is of one account or cluster",
                    remedy="take it from the ConfigMap, by a variable",
                )


@rule("S9", Stage.SUBSTITUTION, Severity.NOTE)
def unused_key(model: Model) -> Iterator[Finding]:
    """S9: a declared value is used by no object.

    Nothing breaks. But a key that nothing needs is one more that the bootstrap has to know, and a misspelt use of it
    may be what was meant.

    Bad:
        # checks.yaml declares AWS_ACCOUNT_ID, and no manifest has ${AWS_ACCOUNT_ID}

    Good:
        # a manifest has it, or the source does not; or checks.yaml says why it is kept:
        AWS_ACCOUNT_ID: {sample: "123456789012", unused: people read it in the cluster}
    """
    # What the policies use is not counted.
    uses = {use.name for each in model.used_variables for use in each.uses}
    # S2 says it of a misspelt use, from which this follows.
    uses |= {near(name, each.owner.variables or {}) for each in model.used_variables for name in variables.unset(each)}
    file = model.tree.files.get(FILE)
    for source, keys in model.tree.config.variables.items():
        for key, declared in keys.items():
            if key not in uses and not declared.unused:
                line = file.documents[0].line_of("variables", source, key) if file and file.documents else 1
                why, remedy = (
                    "no object uses it",
                    "remove it here and where it is set, or say here why it is kept: `unused: people read it`",
                )
                yield unused_key.on(FILE, line, f"{key} of {source}", why=why, remedy=remedy)
