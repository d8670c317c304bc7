"""What Flux will do of a change in the manifests, by what kustomize builds of both."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks import config
from common.errors import FleetError
from sandbox.diff import manifests, manifests_report
from sandbox.diff.manifests import Manifests
from tests.checks import trees
from tests.delivery.digests import outside_of_fences

if TYPE_CHECKING:
    from collections.abc import Callable


CONFIG = "k8s/applications/config.yaml"
SECOND = """
-- k8s/applications/second.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {{name: second, namespace: applications{more}}}
data: {{vpc: "${{VPC_ID}}"}}
"""
FLUX = "k8s/flux-system/flux-system/kustomizations.yaml"
REPOSITORY = trees.files(trees.SKELETON)


def second(more: str = "") -> str:
    return SECOND.format(more=more)


def flux(text: str) -> str:
    return f"\n-- {FLUX} --\n{text}"


WITHOUT_PRUNING = flux(REPOSITORY[FLUX].replace("prune: true", "prune: false"))
SUSPENDED = flux(REPOSITORY[FLUX].replace("  timeout: 5m\n", "  timeout: 5m\n  suspend: true\n"))
WITHOUT_APPLICATIONS = flux(REPOSITORY[FLUX].partition("---\n")[0])
ORPHANING = flux(REPOSITORY[FLUX].replace("  timeout: 5m\n", "  timeout: 5m\n  deletionPolicy: Orphan\n"))


@pytest.fixture
def compare(tmp_path: Path) -> Callable[[str, str], Manifests]:
    def run(base: str, head: str) -> Manifests:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        sides = (trees.write(folder / name, text) for name, text in (("base", base), ("head", head)))
        return manifests.compare(*(manifests.built(side) for side in sides))

    return run


def told(found: Manifests) -> list[str]:
    return [f"{each.action} {each.label}{f': {each.why}' if each.why else ''}" for each in found.changes]


def test_what_is_the_same_is_no_change(compare: Callable[[str, str], Manifests]) -> None:
    found = compare(second(), second())
    assert (found.changes, found.line) == ((), "no changes")


def test_objects_are_created_changed_and_pruned(compare: Callable[[str, str], Manifests]) -> None:
    changed = f"\n-- {CONFIG} --\n{REPOSITORY[CONFIG].replace('hello', 'goodbye')}"
    assert told(compare("", second())) == ["created ConfigMap applications/second"]
    assert told(compare(second(), "")) == ["pruned ConfigMap applications/second"]
    found = compare(second(), changed)
    assert found.line == "1 pruned, 1 changed"
    assert found.changes[0].owner == "flux-system/applications"
    ((change,),) = (each.changes for each in found.changes if each.action == "changed")
    assert (change.path, change.old, change.new) == ("data.greeting", "hello", "goodbye")


def test_variables_have_their_samples(compare: Callable[[str, str], Manifests]) -> None:
    base = second().replace("k8s/applications/", "k8s/infrastructure/")
    assert told(compare(base, base.replace("${VPC_ID}", "vpc-0123456789abcdef0"))) == []
    assert told(compare(base, base.replace("${VPC_ID}", "another"))) == ["changed ConfigMap applications/second"]


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (second(", labels: {kustomize.toolkit.fluxcd.io/prune: disabled}"), "", "kustomize.toolkit.fluxcd.io/prune"),
        (second() + WITHOUT_PRUNING, WITHOUT_PRUNING, "flux-system/applications does not prune"),
        (second() + SUSPENDED, SUSPENDED, "flux-system/applications is suspended"),
    ],
)
def test_what_flux_does_not_delete_is_left(
    compare: Callable[[str, str], Manifests], base: str, head: str, expected: str
) -> None:
    (found,) = told(compare(base, head))
    assert found.startswith("left ConfigMap applications/second: ")
    assert expected in found


@pytest.mark.parametrize(
    ("how", "is_created"), [("reconcile: disabled", False), ("ssa: Ignore", False), ("ssa: IfNotPresent", True)]
)
def test_what_flux_does_not_change_is_left(
    compare: Callable[[str, str], Manifests], how: str, is_created: bool
) -> None:
    base = second(f", annotations: {{kustomize.toolkit.fluxcd.io/{how}}}")
    (found,) = told(compare(base, base.replace("${VPC_ID}", "another")))
    assert found == f"left ConfigMap applications/second: kustomize.toolkit.fluxcd.io/{how}"
    (new,) = told(compare("", base))
    assert new == ("created ConfigMap applications/second" if is_created else found)


def test_what_says_on_the_cluster_that_it_is_left_alone_is(compare: Callable[[str, str], Manifests]) -> None:
    base = second(", annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}")
    assert told(compare(base, second())) == [
        "left ConfigMap applications/second: kustomize.toolkit.fluxcd.io/reconcile: disabled"
    ]


def test_a_kustomization_that_goes_takes_what_it_applied_along(compare: Callable[[str, str], Manifests]) -> None:
    found = compare("", WITHOUT_APPLICATIONS)
    assert told(found) == [
        "pruned ConfigMap applications/settings",
        "pruned Kustomization flux-system/applications",
    ]
    assert found.meanings == ("A pruned Kustomization prunes what it applied.",)


def test_a_kustomization_that_goes_leaves_what_its_policy_orphans(compare: Callable[[str, str], Manifests]) -> None:
    assert told(compare(ORPHANING, WITHOUT_APPLICATIONS)) == [
        "pruned Kustomization flux-system/applications",
        "left ConfigMap applications/settings: flux-system/applications goes, and does not prune",
    ]


def test_a_pruning_that_is_switched_in_the_same_commit_is_not_called_off(
    compare: Callable[[str, str], Manifests],
) -> None:
    found = [line for line in told(compare(second(), WITHOUT_PRUNING)) if "second" in line]
    assert found == [f"pruned ConfigMap applications/second: flux-system/applications {manifests.RACE}"]


def test_an_object_that_moves_is_told_as_one(compare: Callable[[str, str], Manifests]) -> None:
    moved = second().replace("k8s/applications/", "k8s/infrastructure/")
    (found,) = told(compare(second(), moved))
    assert found.startswith("changed ConfigMap applications/second: moves from flux-system/applications")


def test_the_values_of_a_secret_are_never_shown(compare: Callable[[str, str], Manifests]) -> None:
    secret = second().replace("ConfigMap", "Secret").replace("\ndata:", "\nstringData:")
    found = compare(secret.replace("${VPC_ID}", "hunter1"), secret.replace("${VPC_ID}", "hunter2"))
    assert told(found) == ["changed Secret applications/second"]
    shown = [*map(str, manifests_report.text(found)), manifests_report.markdown(found, "x")]
    assert "hunter" not in "".join(shown)
    assert "another [secret]" in shown[-1]


def test_what_cannot_be_built_is_not_known_and_never_pruned(compare: Callable[[str, str], Manifests]) -> None:
    broken = "\n-- k8s/applications/kustomization.yaml --\nresources: [nosuch.yaml]\n"
    found = compare(second(), broken)
    assert found.changes == ()
    assert found.line == "no changes, 1 not known"
    assert found.problems[0].startswith("flux-system/applications: ")


def test_a_repository_without_checks_yaml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=f"{config.FILE} is missing"):
        manifests.built(tmp_path)


def test_the_markdown_is_below_the_limit_and_cut_on_whole_objects() -> None:
    many = tuple(
        manifests.ObjectChange("pruned", "ConfigMap", f"ns/{'n' * 100}-{number}", "flux-system/x")
        for number in range(600)
    )
    text = manifests_report.markdown(Manifests(many), "a" * 40)
    assert len(text.encode()) < 65_536
    rows = text.count("\n| pruned |")
    assert f"{600 - rows} more objects: see the job's log" in text
    assert text.startswith(
        "<!-- infra-fleet:diff:k8s/manifests -->\n### What Flux will do at <code>aaaaaaaaaaaa</code>"
    )


def test_text_from_elsewhere_means_nothing_to_markdown() -> None:
    hostile = "a|b `x` <b> @everyone"
    change = manifests.ObjectChange("left", hostile, hostile, hostile, hostile)
    text = outside_of_fences(manifests_report.markdown(Manifests((change,), (hostile,)), "x"))
    assert "@everyone" not in text
    assert "<b>" not in text
    assert all(line.count("|") == 5 for line in text.splitlines() if line.startswith("|"))
