"""Verdicts that are kept: asked once, and never believed when broken, old or of something else."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from checks import api, cache, policy, schema, yamllint
from checks.cache import Cache
from checks.config import load
from checks.run import run
from tests.checks import generated
from tests.checks.test_policy import POLICY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.build import GoTool


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "verdicts"
    monkeypatch.setattr(cache, "folder", lambda: folder)
    return folder


def asked(*keys: str, basis: str = "v1", enabled: bool = True) -> list[str]:
    """The keys that a tool was asked about."""
    found: list[str] = []

    def ask(indexes: list[int]) -> list[str]:
        found.extend(keys[index] for index in indexes)
        return [f"verdict on {keys[index]}" for index in indexes]

    verdicts = Cache.of("tool", basis, enabled=enabled).verdicts(keys, ask)
    assert verdicts == [f"verdict on {key}" for key in keys]
    return found


def test_a_tool_is_asked_once_about_each_thing() -> None:
    assert asked("a", "b", "a") == ["a", "b"]
    assert asked("a", "c", "b") == ["c"]
    assert asked("a", "c", "b") == []


def test_another_basis_and_a_cache_that_is_off_share_nothing() -> None:
    assert asked("a") == ["a"]
    assert asked("a", basis="v2") == ["a"]
    assert asked("a", "b", enabled=False) == ["a", "b"]
    assert asked("a", "b") == ["b"], "what was asked without a cache is not kept"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"verdict on a", b"verdict on x"))


def _not_text(path: Path) -> None:
    path.write_bytes(b"\xff\x00" * 100)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _age(path: Path) -> None:
    before = time.time() - cache.UNUSED - 60
    os.utime(path, (before, before))


@pytest.mark.parametrize("spoil", [_cut, _flip, _not_text, _empty, _age])
def test_a_file_that_is_broken_or_old_is_not_believed_and_replaced(
    own_folder: Path, spoil: Callable[[Path], None]
) -> None:
    assert asked("a", "b") == ["a", "b"]
    (file,) = own_folder.iterdir()
    spoil(file)
    assert asked("a", "b") == ["a", "b"]
    assert asked("a", "b") == []


def test_files_that_no_check_has_read_for_long_are_removed(own_folder: Path) -> None:
    asked("a")
    (file,) = own_folder.iterdir()
    _age(file)
    asked("a", basis="v2")
    assert file not in own_folder.iterdir()


def test_a_cache_that_cannot_be_written_costs_time_alone(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_folder.write_text("a file")
    assert asked("a") == ["a"]
    assert "verdicts are not kept" in capsys.readouterr().err


def test_what_is_needed_stays_where_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 2)
    asked("a", "b")
    asked("a", "c")
    assert asked("a", "c") == []
    assert asked("b") == ["b"]


def test_a_failure_is_not_kept() -> None:
    def fail(_: list[int]) -> list[Any]:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        Cache.of("tool", "v1").verdicts(["a"], fail)
    assert asked("a") == ["a"]


def test_the_order_of_keys_does_not_matter_and_everything_else_does() -> None:
    assert cache.digest({"a": 1, "b": 2}) == cache.digest({"b": 2, "a": 1})
    assert len({cache.digest(each) for each in ({"a": 1}, {"a": "1"}, {"a": [1]}, {}, "", b"")}) == 6
    assert cache.digest("ab", "c") != cache.digest("a", "bc")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree of 20 objects, and a policy that is about its ConfigMaps alone."""
    root = tmp_path / "tree"
    generated.write(root, 20)
    (root / "checks.yaml").write_text(f"{(root / 'checks.yaml').read_text()}\npolicies: policies\n")
    (root / "policies").mkdir()
    (root / "policies" / "odd.yaml").write_text(POLICY)
    return root


@dataclass
class Told:
    """What the tools were told to look at, and what a check found."""

    tools: dict[str, int]
    found: list[tuple[str, str]]


def judge(root: Path, monkeypatch: pytest.MonkeyPatch, *, use_cache: bool = True) -> Told:
    """Check a tree, and count the objects that each tool was asked about."""
    told = Told({"yamllint": 0, "kubeconform": 0, "kube-validate": 0, "kyverno": 0}, [])

    def counted(name: str, module: Any, function: str) -> None:
        """The last argument of the function are the objects."""
        real = getattr(module, function)

        def call(*arguments: Any) -> Any:
            told.tools[name] += len(list(arguments[-1]))
            return real(*arguments)

        monkeypatch.setattr(module, function, call)

    counted("yamllint", yamllint, "_said")
    counted("kubeconform", schema, "_said")
    counted("kube-validate", api, "_asked")
    counted("kyverno", policy, "_written")
    report = run(root, load(root), use_cache=use_cache)
    assert report.left == ()
    told.found = sorted((finding.rule, finding.object) for finding in report.findings)
    monkeypatch.undo()
    monkeypatch.setattr(cache, "folder", lambda: root.parent / "verdicts")
    return told


def test_only_what_is_new_is_asked_about(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = judge(root, monkeypatch)
    files, objects, config_maps = (first.tools[name] for name in ("yamllint", "kubeconform", "kyverno"))
    assert files > 0
    assert first.tools["kube-validate"] == objects
    assert 0 < config_maps < objects, "no other object is a policy's matter"
    second = judge(root, monkeypatch)
    assert second == Told(dict.fromkeys(first.tools, 0), first.found)
    file = next(path for path in sorted(root.rglob("*.yaml")) if "kind: ConfigMap" in path.read_text())
    file.write_text(file.read_text().replace("kind: ConfigMap\n", "kind: ConfigMap\nimmutable: true\n", 1))
    third = judge(root, monkeypatch)
    assert third == Told(dict.fromkeys(first.tools, 1), first.found)
    fourth = judge(root, monkeypatch, use_cache=False)
    assert fourth == first


def test_another_policy_is_tried_on_every_object_that_it_is_about(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judge(root, monkeypatch)
    (root / "policies" / "odd.yaml").write_text(POLICY.replace("endsWith('5')", "startsWith('')"))
    after = judge(root, monkeypatch)
    assert after.tools["kyverno"] == before.tools["kyverno"]
    assert [rule for rule, _ in after.found].count("P1") == after.tools["kyverno"]


def test_another_version_of_a_tool_is_asked_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judge(root, monkeypatch)

    def sources(_: GoTool) -> tuple[bytes, ...]:
        return (b"another",)

    for module in (schema, api, policy):
        monkeypatch.setattr(module, "build", SimpleNamespace(sources=sources))
    assert judge(root, monkeypatch).tools == {**before.tools, "yamllint": 0}
