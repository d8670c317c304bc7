"""Faults of a seed: what fails once on the way, and what the day must survive because everything tries again."""

from __future__ import annotations

import json
import random
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from sandbox import files
from sandbox.account import faults as account_faults
from sandbox.account.faults import NONE, RESET, Rule
from sandbox.cluster import git_host

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from sandbox.cluster.layout import Layout
    from sandbox.folder import Folder


@dataclass(frozen=True)
class Fault:
    """What goes wrong during one step."""

    step: str
    text: str
    """In words, for the table."""
    rule: Rule | None = None
    """Of the embedded account."""
    switches: Mapping[str, object] = field(default_factory=dict[str, object])
    """Of the Git host."""
    stopped: str = ""
    """A part of the cluster that is away for a moment."""


CODES = ("Throttling", "ServiceUnavailable", RESET)
"""What an AWS SDK tries again by itself (AWS SDKs and Tools reference, "Retry behavior")."""

CALLS: Mapping[str, Sequence[tuple[str, str]]] = {
    "up": (
        ("ec2", "CreateSubnet"),
        ("ec2", "CreateNatGateway"),
        ("iam", "CreateRole"),
        ("eks", "CreateAddon"),
        ("eks", "DescribeCluster"),
    ),
    "night": (
        ("ec2", "DescribeSubnets"),
        ("ec2", "DeleteSubnet"),
        ("elasticloadbalancing", "DescribeLoadBalancers"),
        ("eks", "DeleteNodegroup"),
        ("iam", "DeleteRole"),
    ),
    "rebuild": (("ec2", "CreateVpc"), ("ec2", "CreateRoute"), ("eks", "CreateNodegroup"), ("iam", "PutRolePolicy")),
    "last-night": (("ec2", "DeleteVpc"), ("eks", "DeleteCluster"), ("ec2", "DescribeNetworkInterfaces")),
}
"""Step → service, as in signatures, and operation: calls that each such step makes."""

AWAY = 3.0
"""Seconds that a part of the cluster is away."""

SLOW = Rule(NONE, "ec2", "*", latency=0.1)

GIT_HOST: Sequence[Fault] = (
    Fault("bootstrap", "GitHub answers two requests with 429", switches={"busy": 2}),
    Fault("bootstrap", "somebody else pushes to main first", switches={"races": 1}),
    Fault("release", "somebody else pushes to main first", switches={"races": 1}),
    Fault("bootstrap-again", "GitHub answers each request half a second late", switches={"latency": 0.5}),
)
API_SERVER: Sequence[Fault] = (
    Fault("change", "the API server is away for a moment", stopped="kube-apiserver"),
    Fault("release", "the API server is away for a moment", stopped="kube-apiserver"),
)


def of_seed(seed: int) -> list[Fault]:
    """The faults of a whole day, in its order: two of the account, late answers, one of the Git host, one of the API
    server. No step has two.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret, but the same again
    server = chance.choice(API_SERVER)
    host = chance.choice([each for each in GIT_HOST if each.step != server.step])
    struck = chance.sample(sorted(CALLS), 3)
    late, *failing = struck
    return sorted(
        [
            Fault(late, "EC2 answers each call 0.1 s late", SLOW),
            *(_of_account(chance, step) for step in failing),
            host,
            server,
        ],
        key=lambda fault: ORDER.index(fault.step),
    )


ORDER = ("up", "bootstrap", "change", "release", "bootstrap-again", "night", "rebuild", "last-night")


def _of_account(chance: random.Random, step: str) -> Fault:
    service, operation = chance.choice(CALLS[step])
    code = chance.choice(CODES)
    text = f"the first {operation} gets {code}" if code != RESET else f"the first {operation} loses its connection"
    return Fault(step, text, Rule(code, service, operation, times=1))


@contextmanager
def given(fault: Fault | None, folder: Folder, layout: Layout) -> Generator[None]:
    """Give a step its fault. What it has not used is taken back at the end; a part that is away comes back before."""
    with ExitStack() as undo:
        if fault and fault.rule:
            account_faults.write(folder.faults, [fault.rule])
            undo.callback(account_faults.write, folder.faults, [])
        if fault and fault.switches:
            before = asdict(git_host.switches(layout))
            git_host.switch(layout, fault.switches)
            undo.callback(git_host.switch, layout, {name: before[name] for name in fault.switches})
        if fault and fault.stopped:
            stopped = layout.stopped / fault.stopped
            files.write(stopped, "")
            undo.callback(stopped.unlink, missing_ok=True)
            timer = threading.Timer(AWAY, stopped.unlink, kwargs={"missing_ok": True})
            timer.start()
            undo.callback(timer.cancel)
        yield


def has_struck(fault: Fault, folder: Folder, since: int) -> bool:
    """Whether a fault of the account has hit a call since a size of the record of calls. Others always do."""
    if fault.rule is None:
        return True
    with folder.calls.open("rb") as record:
        record.seek(since)
        calls = [json.loads(line) for line in record.read().splitlines()]
    wanted = HTTPStatus.BAD_REQUEST if fault.rule.code != NONE else HTTPStatus.OK
    return any(fault.rule.matches(call["service"], call["operation"]) and call["status"] >= wanted for call in calls)
