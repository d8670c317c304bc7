"""The log groups of the clusters: what last night's control plane did can be read today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    from permanent.settings import Settings


class Logs(pulumi.ComponentResource):
    """One log group a cluster. EKS writes into the one that it finds, else makes one that is kept forever.

    Attributes:
        names: the groups' names, in the order of the clusters.
    """

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PERMANENT_PROJECT}:index:Logs", "logs", None, opts)
        self.names = [
            aws.cloudwatch.LogGroup(
                cluster,
                name=names.log_group(cluster),
                retention_in_days=settings.log_retention_days,
                opts=pulumi.ResourceOptions(parent=self),
            ).name
            for cluster in settings.clusters
        ]
        self.register_outputs({})
