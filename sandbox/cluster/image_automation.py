"""What Flux's image controllers do, as far as it is documented. They are not available here.

Sources: fluxcd.io, "ImagePolicy" (filterTags, semver), "ImageUpdateAutomation" (checkout, update strategy Setters,
message template, push) and "Automate image updates to Git" (markers).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import config, images, tree
from checks.manifests import at
from common import semver
from tools.build import ensure
from tools.catalogue import KUSTOMIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from checks.tree import Object

ATTEMPTS = 3
"""Runs that a moved branch may cost; the controller goes on with growing pauses."""

_LINE = re.compile(
    r"""(?P<before>\s*(?:-\s+)?[\w."'-]+:\s*(?P<quote>["']?))(?P<value>[^"'\s#]*)(?P<after>(?P=quote)\s+#.*\n?)"""
)
_CHANGES = re.compile(r"\{\{-? range \.Changed\.Changes -?\}\}\s*(?P<each>.*?)\{\{ end \}\}", re.DOTALL)


class RefusedError(Exception):
    """The Git host took no push; its text is what git says."""


@dataclass(frozen=True)
class Change:
    """A value that a marker is next to."""

    setter: str
    old: str
    new: str


def latest(policy: Object, tags: Iterable[str]) -> str | None:
    """The tag that an ImagePolicy by semver decides for; None if it takes none."""
    versions = {tag: semver.parse(tag) for tag in tags if images.selects(policy, tag)}
    return max(versions, key=lambda tag: versions[tag] or semver.Version((0, 0, 0)), default=None)


def update(text: str, setters: Mapping[str, str]) -> tuple[str, list[Change]]:
    """Give the value next to each marker what its setter says; every other byte stays.

    Args:
        text: a manifest.
        setters: `flux-system:load-harness:tag` → the value.
    """
    changes: list[Change] = []
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        marker = re.search(r'\{\s*"\$imagepolicy":\s*"([^"]+)"\s*\}', line)
        found = _LINE.fullmatch(line)
        if marker is None or found is None or marker[1] not in setters:
            continue
        new = setters[marker[1]]
        if found["value"] != new:
            changes.append(Change(marker[1], found["value"], new))
            lines[number] = f"{found['before']}{new}{found['after']}"
    return "".join(lines), changes


def message(template: str, changes: Iterable[Change]) -> str:
    """The commit's message, of a template that ranges over the changes."""

    def each(found: re.Match[str]) -> str:
        fields = (("Setter", "setter"), ("OldValue", "old"), ("NewValue", "new"))
        texts: list[str] = []
        for change in changes:
            said = found["each"]
            for name, attribute in fields:
                said = said.replace(f"{{{{ .{name} }}}}", getattr(change, attribute))
            texts.append(said)
        return "".join(texts)

    return _CHANGES.sub(each, template)


@dataclass(frozen=True)
class Automation:
    """One ImageUpdateAutomation's controller, with what its ImageRepositories would scan."""

    url: str
    git_environment: Mapping[str, str]
    scan: Callable[[str], Iterable[str]]
    """The tags of a repository, such as load-harness."""

    def run(self) -> str | None:
        """Commit and push what the policies say; gives the commit, or None if nothing changes.

        Raises:
            RefusedError: the push is refused for another reason than that somebody was faster.
        """
        for _ in range(ATTEMPTS):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    return self._once(Path(folder) / "clone")
                except RefusedError as error:
                    if "fetch first" not in str(error) and "cannot lock ref" not in str(error):
                        raise
        raise RefusedError(f"somebody was faster {ATTEMPTS} times")

    def _once(self, clone: Path) -> str | None:
        self._git(clone.parent, "clone", "--quiet", self.url, str(clone))
        read = tree.read(clone, config.load(clone))
        built = tree.build(read, ensure(KUSTOMIZE, print))
        (automation,) = images.of_kind(built, "ImageUpdateAutomation")
        branch = str(at(automation.spec, "git", "checkout", "ref", "branch"))
        self._git(clone, "checkout", "--quiet", branch)
        setters = self._setters(built, automation)
        changes: list[Change] = []
        for name in (file for file in built.files if images.writes_to(automation, file)):
            before = (clone / name).read_bytes().decode()
            after, changed = update(before, setters)
            if changed:
                (clone / name).write_bytes(after.encode())
                changes += changed
        if not changes:
            return None
        commit: Any = at(automation.spec, "git", "commit")
        author = commit["author"]
        identity = ("-c", f"user.name={author['name']}", "-c", f"user.email={author['email']}")
        self._git(
            clone, *identity, "commit", "--quiet", "--all", "--message", message(commit["messageTemplate"], changes)
        )
        self._git(clone, "push", "--quiet", "origin", f"HEAD:{at(automation.spec, 'git', 'push', 'branch')}")
        return self._git(clone, "rev-parse", "HEAD")

    def _setters(self, built: tree.Tree, automation: Object) -> dict[str, str]:
        """What each policy that the automation follows says, for every kind of marker."""
        repositories = {each.id: each for each in images.of_kind(built, "ImageRepository")}
        setters: dict[str, str] = {}
        for name, policy in images.policies(built).items():
            reference: Any = at(policy.spec, "imageRepositoryRef")
            image = str(repositories[f"{policy.namespace}/{reference['name']}"].spec["image"])
            tag = latest(policy, self.scan(image.rpartition("/")[2]))
            if images.follows(automation, policy) and tag:
                key = name.replace("/", ":")
                setters |= {key: f"{image}:{tag}", f"{key}:name": image, f"{key}:tag": tag}
        return setters

    def _git(self, folder: Path, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 the user's git
            cwd=folder,
            env=dict(self.git_environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise RefusedError(done.stderr)
        return done.stdout.strip()
