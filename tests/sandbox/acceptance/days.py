"""Days on a real account, made up: their states, their engine's words, and the plan that they follow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from infra.contract import names
from sandbox.acceptance import engine_events, plan, report
from sandbox.acceptance.day import Day, Step
from sandbox.acceptance.engine_events import Run, Timed
from sandbox.acceptance.redaction import Redaction
from sandbox.checkout import Checkout
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.acceptance.plan import Plan
    from sandbox.acceptance.report import Report

ACCOUNT = "123456789012"
URN = "urn:pulumi:acceptance::infra-fleet::infra-fleet:index:Cluster$"


def account_file(folder: Path, clusters: tuple[str, ...] = ("staging", "acceptance")) -> Path:
    """A permanent layer's config with these clusters."""
    document = yaml.safe_load(Checkout(REPOSITORY).permanent_file.read_text())
    document["config"][f"{names.PERMANENT_PROJECT}:clusters"] = list(clusters)
    path = folder / "Pulumi.account.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def planned(folder: Path, **environment: str) -> Plan:
    """The plan of the repository's staging."""
    return plan.of(Checkout(REPOSITORY), account_file(folder), folder / "work", "staging", environment)


def state(*resources: dict[str, Any]) -> str:
    """What `pulumi stack export` prints."""
    return json.dumps({"version": 3, "deployment": {"resources": list(resources)}})


def resource(kind: str, name: str, key: str, /, **outputs: Any) -> dict[str, Any]:
    """A resource in a state."""
    return {"type": kind, "urn": f"{URN}{kind}::{name}", "id": key, "outputs": outputs}


def network(number: int, **vpc: Any) -> tuple[dict[str, Any], ...]:
    """A VPC, a subnet and a role, with ids, ARNs and times of their own for each number."""
    suffix, account = f"{number:017x}", f"{number:012d}"
    return (
        resource(
            "aws:ec2/vpc:Vpc",
            "vpc",
            f"vpc-{suffix}",
            arn=f"arn:aws:ec2:eu-west-2:{account}:vpc/vpc-{suffix}",
            cidrBlock="10.0.0.0/16",
            **vpc,
        ),
        resource("aws:ec2/subnet:Subnet", "private", f"subnet-{suffix}", vpcId=f"vpc-{suffix}"),
        resource(
            "aws:iam/role:Role",
            "node",
            f"node-{number:07x}",
            name=f"node-{number:07x}",
            arn=f"arn:aws:iam::{account}:role/infra-fleet/acceptance/node-{number:07x}",
            uniqueId=f"AROA{number:017d}",
            createDate=f"2026-12-01T00:00:{number:02d}Z",
        ),
    )


def sample(folder: Path) -> Report:
    """The report that docs/acceptance.md shows."""
    reference = state(
        resource("aws:eks/nodeGroup:NodeGroup", "default", "acceptance:default", updateConfig={"maxUnavailable": 1}),
        resource("aws:eks/cluster:Cluster", "cluster", "acceptance", platformVersion="eks.14"),
        resource("aws:ec2/vpcEndpoint:VpcEndpoint", "s3", "vpce-0123456789abcdef0"),
    )
    real = state(
        resource(
            "aws:eks/nodeGroup:NodeGroup",
            "default",
            "acceptance:default",
            updateConfig={"maxUnavailable": 1, "updateStrategy": "MINIMAL"},
        ),
        resource("aws:eks/cluster:Cluster", "cluster", "acceptance", platformVersion="eks.15"),
    )
    refused = (
        "operation error EC2: CreateVpcEndpoint, https response error 403, api error UnauthorizedOperation: "
        "You are not authorized to perform: ec2:CreateVpcEndpoint on resource: "
        f"arn:aws:ec2:eu-west-2:{ACCOUNT}:vpc-endpoint/*"
    )
    timed = (Timed("Cluster cluster", "create", 801.0), Timed("NodeGroup default", "create", 140.0))
    day = Day(
        roles={names.DEPLOY_ROLE, names.PREVIEW_ROLE},
        steps=[
            Step("up", "failed", 1131.0, "see what was refused, and what is missing"),
            Step("preview", "skipped", why="the stack is not built"),
            Step("bootstrap", "skipped", why="no token of GitHub"),
            Step("night", "done", 702.0),
        ],
        state=real,
        up=Run(timed, ((f"{URN}aws:ec2/vpcEndpoint:VpcEndpoint::s3", refused),)),
        night=engine_events.deleted(" -  aws:eks:Cluster cluster deleted (196s)\n"),
        texts=[(names.DEPLOY_ROLE, refused)],
        left=(),
    )
    return report.redacted(report.of(planned(folder), day, reference), Redaction.of(ACCOUNT, {}))
