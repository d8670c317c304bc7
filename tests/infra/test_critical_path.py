"""Nothing but what must comes before the first node and the first workload."""

from __future__ import annotations

import pytest

from delivery.timeline import timeline
from tests.support import recorder


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def path(request: pytest.FixtureRequest) -> list[str]:
    created = recorder.run_stack(preview=request.param).waits
    return list(timeline.published("rebuild", "staging", created).critical)


def test_from_the_cluster_on_the_critical_path_is_identity_cni_nodes_and_dns(path: list[str]) -> None:
    assert path[path.index("Cluster cluster") :] == [
        "Cluster cluster",
        "OpenIdConnectProvider oidc",
        "Role vpc-cni",
        "RolePolicyAttachment vpc-cni",
        "Addon vpc-cni",
        "NodeGroup default",
        "Addon coredns",
    ]


def test_before_the_cluster_there_is_its_role_or_its_subnets_and_nothing_else(path: list[str]) -> None:
    role = ["Role cluster", "RolePolicyAttachment cluster"]
    network = ["Vpc vpc", "Subnet private-eu-west-2a"]
    before = path[: path.index("Cluster cluster")]
    assert before in (role, network, [network[0], "Subnet private-eu-west-2b"])
