"""Which kubeconfig leads to the stack's cluster, a tunnel's included; and which token is Flux's."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bootstrap import access, github_repository
from common.errors import CannotRunError
from infra.contract.outputs import StackOutputs
from tests.bootstrap.example import OUTPUTS
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

STACK = StackOutputs.parse(OUTPUTS)
HOST = STACK.cluster_endpoint.removeprefix("https://")
AUTHORITY = STACK.cluster_certificate_authority


def config(**cluster: Any) -> dict[str, Any]:
    return {
        "clusters": [{"name": "staging", "cluster": cluster}],
        "contexts": [{"name": "staging", "context": {"cluster": "staging"}}],
        "current-context": "staging",
    }


def tunnel(server: str = "https://localhost:8443", **more: Any) -> dict[str, Any]:
    return config(**{"server": server, "certificate-authority-data": AUTHORITY, "tls-server-name": HOST, **more})


def test_a_tunnel_is_taken_if_it_is_held_to_the_stacks_cluster(tmp_path: Path) -> None:
    file = tmp_path / "config"
    for server in ("https://localhost:8443", "https://127.0.0.1:8443", "https://[::1]:8443"):
        access.refuse_other_cluster(tunnel(server), STACK, file)
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(AUTHORITY))
    named = tunnel(**{"certificate-authority": "ca.crt", "certificate-authority-data": ""})
    access.refuse_other_cluster(named, STACK, file)


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate-authority-data": base64.b64encode(b"another").decode()},
        {"certificate-authority-data": ""},
        {"certificate-authority": "nowhere.crt"},
        {"tls-server-name": "another.eks.amazonaws.com"},
        {"tls-server-name": ""},
        {"insecure-skip-tls-verify": True},
    ],
)
def test_a_tunnel_that_could_lead_elsewhere_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=f"a tunnel, and .* tls-server-name {HOST}"):
        access.refuse_other_cluster(tunnel(**changes), STACK, tmp_path / "config")


def test_another_server_is_refused_whatever_it_is_held_to(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="but the stack's cluster staging is https://0123"):
        access.refuse_other_cluster(tunnel("https://10.0.0.7"), STACK, tmp_path / "config")


def test_a_workflows_own_token_is_refused_as_fluxs() -> None:
    for variable in github_repository.TOKEN_VARIABLES:
        with pytest.raises(CannotRunError, match=f"{variable} is the token of a GitHub app.*expires within the hour"):
            github_repository.token({variable: "ghs_abc"})
    assert github_repository.token({"FLUX_GITHUB_TOKEN": "github_pat_abc", "GITHUB_TOKEN": "ghs_abc"})


def test_the_rights_of_the_token_are_the_same_wherever_they_are_told() -> None:
    for page in ("bootstrap.md", "day-zero.md"):
        assert github_repository.RIGHTS in (REPOSITORY / "docs" / page).read_text().replace("*", ""), page
    assert "Contents read and write" not in "".join(path.read_text() for path in REPOSITORY.glob("docs/*.md"))


def test_a_token_for_kubectl_does_not_wait_for_githubs_library() -> None:
    code = "import sys, bootstrap.fleet_bootstrap; sys.exit(bool({'github', 'requests'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
