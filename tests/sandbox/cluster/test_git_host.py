"""The Git host: real git over TLS, GitHub's answers, and what it is told to do wrong."""

from __future__ import annotations

import ssl
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from bootstrap import github_repository
from bootstrap.branch_rules import Guard
from bootstrap.flux_settings import Settings
from common.errors import FleetError
from sandbox.cluster import git_host, pki, repository
from sandbox.cluster.fleet_sandbox_cluster import git_environment
from sandbox.cluster.layout import Layout, ports
from sandbox.cluster.serving import Server
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "your-org/infra-fleet"


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A Git host that serves."""
    made = Layout(tmp_path / "cluster")
    made.root.mkdir()
    certificate = pki.issue(pki.authority(made), "git", hosts=["127.0.0.1", "localhost"]).write(made.root, "git")
    repository.seed(made, NAME, REPOSITORY)
    repository.token(made)
    server = Server(git_host.GitHost(made), certificate, ports(made).git)
    yield made
    server.close()


def host(layout: Layout, token: str | None = None, **changes: str) -> github_repository.Repository:
    settings = {"repository": NAME, "hostname": ports(layout).git_host, "caFile": layout.authority, **changes}
    return github_repository.Repository(Settings.model_validate(settings), token or repository.token(layout))


def git(layout: Layout, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    identity = ("-c", "user.name=a person", "-c", "user.email=person@example.com")
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=cwd,
        env=git_environment(layout),
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_has_the_clones_commit_and_takes_pushes(layout: Layout, tmp_path: Path) -> None:
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, text=True).strip()
    assert (host(layout).head(), host(layout).guard()) == (head, Guard())
    url = f"https://{ports(layout).git_host}/{NAME}.git"
    assert git(layout, "clone", "--quiet", url, "clone", cwd=tmp_path).returncode == 0
    clone = tmp_path / "clone"
    git(layout, "commit", "--quiet", "--allow-empty", "-m", "Nothing", cwd=clone)
    assert git(layout, "push", "--quiet", cwd=clone).returncode == 0
    pushed = git(layout, "rev-parse", "HEAD", cwd=clone).stdout.strip()
    assert host(layout).head() == pushed
    assert host(layout).is_ahead(head, pushed)
    assert not host(layout).is_ahead(pushed, head)
    assert not host(layout).is_ahead(head, "0" * 40)
    git_host.switch(layout, {"protected": True})
    git(layout, "commit", "--quiet", "--allow-empty", "-m", "More", cwd=clone)
    refused = git(layout, "push", "--quiet", cwd=clone)
    assert "GH013: Repository rule violations found for refs/heads/main" in refused.stderr
    assert host(layout).head() == pushed


@pytest.mark.parametrize(("bypass", "which"), [("never", "blocks"), ("always", "passes"), ("", "unknown")])
def test_day_zeros_own_rules_are_judged_by_who_may_bypass_them(layout: Layout, bypass: str, which: str) -> None:
    git_host.switch(layout, {"protected": True, "bypass": bypass})
    expected = ("ruleset main requires a pull request", "ruleset main requires status checks")
    assert host(layout).guard() == Guard(**{which: expected})
    git_host.switch(layout, {"plan": False})
    assert host(layout).guard() == Guard()


def test_a_busy_host_is_asked_again(layout: Layout) -> None:
    git_host.switch(layout, {"busy": 2})
    host(layout).refuse_unseen()
    assert git_host.switches(layout).busy == 0
    git_host.switch(layout, {"busy": 1})
    host(layout).refuse_no_push()


def test_a_branch_of_any_name_is_found(layout: Layout, tmp_path: Path) -> None:
    url = f"https://{ports(layout).git_host}/{NAME}.git"
    git(layout, "clone", "--quiet", url, "clone", cwd=tmp_path)
    git(layout, "push", "--quiet", "origin", "HEAD:refs/heads/fix/#1", cwd=tmp_path / "clone")
    odd = host(layout, branch="fix/#1")
    assert (odd.head(), odd.guard()) == (host(layout).head(), Guard())
    assert odd.file("bootstrap.yaml") == (REPOSITORY / "bootstrap.yaml").read_text()


def test_a_file_is_read_as_it_is_on_the_branch(layout: Layout) -> None:
    assert host(layout).file("bootstrap.yaml") == (REPOSITORY / "bootstrap.yaml").read_text()
    assert host(layout).file("nowhere.yaml") is None


def test_who_may_push_is_asked_as_git_does(layout: Layout) -> None:
    host(layout).refuse_no_push()
    git_host.switch(layout, {"read_only": True})
    host(layout).refuse_unseen()
    with pytest.raises(FleetError, match="the token may not push"):
        host(layout).refuse_no_push()


def test_a_token_is_known_by_its_expiry_or_refused(layout: Layout) -> None:
    good = host(layout)
    good.refuse_unseen()
    assert good.expires
    for bad in (host(layout, "wrong"), host(layout)):
        with pytest.raises(FleetError, match="refuses the token"):
            bad.refuse_unseen()
        git_host.switch(layout, {"rejected": True})
    git_host.switch(layout, {"rejected": False, "fault": 500})
    with pytest.raises(FleetError, match="answers 500"):
        host(layout).refuse_unseen()


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/your-org/..%2f..%2fetc.git/HEAD", "/other/one.git/info/refs"])
def test_nothing_but_its_repositories_is_served(layout: Layout, path: str) -> None:
    context = ssl.create_default_context(cafile=str(layout.authority))
    request = urllib.request.Request(f"https://{ports(layout).git_host}{path}")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, context=context, timeout=10)  # noqa: S310  # our own
    assert error.value.code in (401, 404)


def test_an_unknown_switch_is_named(layout: Layout) -> None:
    with pytest.raises(KeyError, match="slow"):
        git_host.switch(layout, {"slow": True})
