"""The steps that need no cluster: the stack is previewed, built, compared, taken down, and built again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from common.errors import FleetError
from infra.config import file_name
from infra.contract import names
from sandbox import rehearsed_teardown
from sandbox.account import strangers
from sandbox.cluster import life, processes, rehearsed_bootstrap
from sandbox.day.day import document, expect, parsed
from sandbox.diff import store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.day.day import Day

COUNT = re.compile(r"^\s*\+ (\d+) (?:to create|created)$", re.MULTILINE)
SETTING = "infra-fleet:natStrategy"
CHANGED = f"  {SETTING}: per-zone\n"
ADDED = "aws:ec2/natGateway:NatGateway"
QUICK = ("--deadline=20", "--settle=60", "--clear=60", "--reads=2", "--pause=0")
"""What the night waits for is there at once, or within a minute."""
SHOWN = 3

Census = dict[str, tuple[str, ...]]


def preview(day: Day) -> str:
    """Preview the stack while the account has no cluster."""
    before = day.ready and day.census()
    expect(not before["EKS cluster"], f"the account has a cluster already: {before['EKS cluster']}")
    found = COUNT.search(day.pulumi("preview").out)
    count = int(found[1]) if found else 0
    expect(count > 0, "the preview creates nothing, although nothing is there")
    known = day.memory.resources
    expect(known in (0, count), f"the preview creates {count} resources, and created {known} before the night")
    day.memory.resources = count
    _expect_same(before, day.census(), "the preview changed the account")
    return f"{count} to create; the account is unchanged"


def up(day: Day) -> str:
    """Build the stack, and ask the account whether it is there."""
    found = COUNT.search(day.pulumi("up", "--yes", "--skip-preview").out)
    count = int(found[1]) if found else 0
    said = day.memory.resources
    expect(said in (0, count), f"{count} resources were created, and the preview had said {said}")
    eks, cluster = day.aws("eks"), day.settings.cluster_name
    status = eks.describe_cluster(name=cluster)["cluster"]["status"]
    expect(status == "ACTIVE", f"the cluster {cluster} is {status}")
    groups: list[str] = eks.list_nodegroups(clusterName=cluster)["nodegroups"]
    expect(bool(groups), f"the cluster {cluster} has no node group")
    for group in groups:
        status = eks.describe_nodegroup(clusterName=cluster, nodegroupName=group)["nodegroup"]["status"]
        expect(status == "ACTIVE", f"the node group {group} is {status}")
    return f"{count} created; EKS cluster {cluster} and {len(groups)} node group active"


def pull_request(day: Day) -> str:
    """Commit a change of the settings in a clone, and have it reported as a pull request would."""
    before = day.ready and day.census()
    clone, file = day.home.clone, file_name(day.stack)
    if not clone.exists():
        day.git("clone", "--quiet", "--shared", day.checkout.root, clone, cwd=day.home.root)
    lines = (clone / file).read_text("utf-8").splitlines(keepends=True)
    others = [line for line in lines if not line.strip().startswith(f"{SETTING}:")]
    (clone / file).write_text("".join(others).rstrip("\n") + f"\n{CHANGED}", "utf-8")
    expect(document(clone / file)["config"][SETTING] == "per-zone", f"{file} cannot be changed")
    day.git("commit", "--quiet", "--all", "--message=One NAT gateway a zone", cwd=clone)
    try:
        said = parsed(day.fleet("diff", "HEAD~1..HEAD", f"--cwd={clone}", f"--stack={day.stack}", "--json"))
    finally:
        with store.held(clone) as accounts:
            store.forget(accounts)
        day.git("reset", "--quiet", "--hard", "HEAD~1", cwd=clone)
    (report,) = [each for each in said["reports"] if each["project"] == names.PROJECT]
    created = [each for each in report["changes"] if each["action"] == "create" and each["type"] == ADDED]
    expect(bool(created), f"the report has no NAT gateway to create: {report['line']}")
    _expect_same(before, day.census(), "the comparison changed the account")
    return str(report["line"])


def leftovers(day: Day) -> str:
    """Make what Kubernetes' controllers leave in the account."""
    before = day.census()
    made = strangers.everything(day.account, day.settings.cluster_name, day.seed or 0, 1)
    kinds = {kind: len(ids) for kind, ids in made.doomed.items()}
    expect(bool(kinds), "nothing was made")
    expect(day.census() != before, "the account holds nothing more than before")
    return f"{sum(kinds.values())} resources of {len(kinds)} kinds that no state lists"


def night(day: Day) -> str:
    """Run the nightly teardown, and ask the account what it holds."""
    command = rehearsed_teardown.command(day.ready, ("run", "--yes", "--recover", "--json", *QUICK))
    said = parsed(day.run("fleet teardown run", command, rehearsed_teardown.environment(day.ready)))
    expect(said["good"], f"the teardown is not sure that nothing is left: {said}")
    expect(not day.census()["EKS cluster"], "the cluster is still there")
    swept = len(said["swept"])
    return f"the stack is gone; leftovers swept: {swept}"


def nothing_left(day: Day) -> str:
    """Compare the account with the morning, and look for processes of the cluster."""
    now = day.census()
    _expect_same(day.memory.census, now, "the account is not as it was in the morning")
    day.until("the cluster's processes end", lambda: life.find(day.layout) is None and not processes.found(day.layout))
    return f"{sum(map(len, now.values()))} resources, those of the permanent layer"


def merge(day: Day) -> str:
    """Ask what a merge would do, as the workflow infra-apply does, with its role."""
    before = day.ready and day.census()
    environment = {**day.ready.environment, **rehearsed_bootstrap.deploy_credentials(day.account)}
    project = day.home.sandbox.project
    said = parsed(day.fleet("state", f"--cwd={project}", f"--stack={day.stack}", "--json", environment=environment))
    expect(said["state"] == "down", f"the stack is {said['state']}, not down")
    expect(said["operation"] != "up", "a merge would build the stack")
    _expect_same(before, day.census(), "asking changed the account")
    return "the stack is down, so the merge only previews"


def _expect_same(before: Mapping[str, tuple[str, ...]], now: Mapping[str, tuple[str, ...]], otherwise: str) -> None:
    """Raise FleetError unless two censuses are equal; what differs is named."""
    kinds = sorted({*before, *now})
    differing = [
        f"{sign}{kind} {key}"
        for kind in kinds
        for sign, one, other in (("+", now, before), ("-", before, now))
        for key in sorted(set(one.get(kind, ())) - set(other.get(kind, ())))
    ]
    if differing:
        more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        raise FleetError(f"{otherwise}: {', '.join(differing[:SHOWN])}{more}")


def last_night(day: Day) -> str:
    """The second night, which ends as the first."""
    said = night(day)
    nothing_left(day)
    return said
