"""A kubeconfig for one cluster, whose exec plugin is `fleet bootstrap token`: no `aws` binary is needed.

Source: Kubernetes API, Config of v1 (kubeconfig) and its exec plugin.
"""

from __future__ import annotations

import sys
from typing import Any


def of_cluster(name: str, region: str, endpoint: str, authority: str, profile: str | None = None) -> dict[str, Any]:
    """The kubeconfig of one cluster; its context, cluster and user are named as the cluster.

    Args:
        name: the cluster's.
        region: its AWS region.
        endpoint: the URL of its API server.
        authority: Base64 of the PEM certificate, as EKS gives it.
        profile: the AWS profile that tokens are made with; None: what kubectl's environment says.
    """
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": sys.executable,
        # -P: not what lies in the folder where kubectl runs.
        "args": ["-P", "-m", "bootstrap", "token", f"--cluster={name}", f"--region={region}"],
        "env": [{"name": "AWS_PROFILE", "value": profile}] if profile else [],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    cluster = {"server": endpoint, "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"exec": plugin}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "preferences": {},
    }
