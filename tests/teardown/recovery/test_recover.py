"""The steps of a recovery: nothing is changed before AWS has answered, and nothing that AWS has is dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError, UnknownError
from sandbox.account.faults import Rule
from teardown import capture, destroy
from teardown.recovery import adopt, export_file
from teardown.recovery.adopt import Patience
from teardown.target import Target
from tests.sandbox.account.aws import Aws as Clients
from tests.sandbox.account.aws import unique
from tests.teardown.recovery.states import EIP, VPC, base, entry, exported
from tests.teardown.recovery.test_adopt import make_vpc, tags_of, vpc_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from common.target import Proven
    from sandbox.account import process
    from teardown.recovery.deployment import Deployment

FAST = Patience(looks=2, pause=0.0, settle=5.0)


class Backend:
    """What pulumi exports, one export after another, and which of its commands were run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports: list[Deployment] = []
        self.commands: list[str] = []
        self.imported: list[str] = []

    def exported(self, _folder: Path, _stack: str) -> str | None:
        return (self.exports.pop(0) if len(self.exports) > 1 else self.exports[0]).text()

    def pulumi(
        self,
        _proven: Proven,
        _folder: Path,
        _stack: str,
        arguments: tuple[str, ...],
        _tell: Callable[[str], None],
        document: str = "",
    ) -> None:
        self.commands.append(" ".join(arguments[:2]) if arguments[0] == "stack" else arguments[0])
        if document:
            self.imported.append(document)

    @property
    def kept(self) -> Path:
        return self.folder / "staging.export.json"


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    made = Backend(tmp_path)
    monkeypatch.setattr(capture, "exported", made.exported)
    monkeypatch.setattr(destroy, "pulumi", made.pulumi)
    return made


@pytest.fixture
def target(account: process.Account) -> Target:
    return Target(account.account_id, account.region, unique("night")[:18], "staging")


@pytest.fixture
def vpc(account: process.Account, target: Target) -> Iterator[str]:
    clients = Clients(account)
    yield make_vpc(clients, tags_of(target))
    clients.clear()


def recover(
    aws: Proven, target: Target, backend: Backend, remove: Callable[[Collection[str]], None] = lambda _ids: None
) -> list[str]:
    lines: list[str] = []
    tell = lines.append
    adopt.recover(aws, target, backend.folder, "staging", backend.kept, patience=FAST, remove=remove, tell=tell)
    return lines


def test_a_state_that_no_killed_run_has_left_is_not_touched(aws: Proven, target: Target, backend: Backend) -> None:
    backend.exports = [exported([*base(), vpc_entry(target, id="vpc-1", outputs={"id": "vpc-1"})], [])]
    assert recover(aws, target, backend) == []
    assert backend.commands == []
    assert not backend.kept.exists()


def test_what_is_found_is_imported_and_read_and_the_export_from_before_is_kept(
    aws: Proven, target: Target, backend: Backend, vpc: str
) -> None:
    before = exported(base(), [("creating", vpc_entry(target))])
    backend.exports = [before, exported([*base(), vpc_entry(target, id=vpc, outputs={"id": vpc})], [])]
    assert recover(aws, target, backend) == [f"Vpc vpc: adopted as {vpc}"]
    assert backend.commands == ["stack import", "refresh"]
    assert json.loads(backend.imported[0])["deployment"]["resources"][-1]["id"] == vpc
    assert json.loads(backend.kept.read_text()) == before.document


def test_while_aws_does_not_say_nothing_is_imported_or_written(
    aws: Proven, target: Target, backend: Backend, strike: Callable[..., None]
) -> None:
    backend.exports = [exported(base(), [("creating", vpc_entry(target))])]
    strike(Rule("Throttling", operation="DescribeVpcs"))
    with pytest.raises(UnknownError):
        recover(aws, target, backend)
    assert backend.commands == []
    assert not backend.kept.exists()


def test_what_a_refresh_drops_although_aws_has_it_stops_the_run(
    aws: Proven, target: Target, backend: Backend, vpc: str
) -> None:
    """An id in another form than pulumi-aws takes would otherwise be forgotten without a word."""
    backend.exports = [exported(base(), [("creating", vpc_entry(target))]), exported(base(), [])]
    with pytest.raises(FleetError, match=f"Vpc vpc is in AWS as {vpc}, and pulumi refresh dropped it"):
        recover(aws, target, backend)


def test_what_is_deleted_while_it_is_read_is_gone_and_no_failure(
    aws: Proven, target: Target, backend: Backend, account: process.Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_vpc(Clients(account), tags_of(target))
    backend.exports = [exported(base(), [("creating", vpc_entry(target))]), exported(base(), [])]

    def delete(_proven: Proven, _folder: Path, _stack: str, arguments: tuple[str, ...], *_rest: object) -> None:
        if arguments[0] == "refresh":
            Clients(account).ec2.delete_vpc(VpcId=made)

    monkeypatch.setattr(destroy, "pulumi", delete)
    assert recover(aws, target, backend) == [f"Vpc vpc: adopted as {made}"]


def test_a_recovery_that_was_killed_before_it_read_is_read(aws: Proven, target: Target, backend: Backend) -> None:
    backend.exports = [
        exported([*base(), vpc_entry(target, id="vpc-1", outputs={})], []),
        exported([*base(), vpc_entry(target, id="vpc-1", outputs={"id": "vpc-1"})], []),
    ]
    recover(aws, target, backend)
    assert backend.commands == ["refresh"]


def test_what_is_not_read_after_a_refresh_stops_the_run(aws: Proven, target: Target, backend: Backend) -> None:
    backend.exports = [exported([*base(), vpc_entry(target, id="vpc-1", outputs={})], [])]
    with pytest.raises(FleetError, match="Vpc vpc was put back and not read"):
        recover(aws, target, backend)


def test_what_an_import_dropped_is_asked_for_again_by_the_next_run(
    aws: Proven, target: Target, backend: Backend, vpc: str
) -> None:
    """`pulumi stack import` drops the operations: after it the kept export alone knows of them."""
    export_file.keep(backend.kept, exported(base(), [("creating", vpc_entry(target))]))
    backend.exports = [exported(base(), []), exported([*base(), entry(VPC, "vpc", id=vpc, outputs={"id": 1})], [])]
    assert recover(aws, target, backend) == [f"Vpc vpc: adopted as {vpc}"]
    assert export_file.remembered(backend.kept, exported(base(), []))


def test_what_is_remembered_and_gone_needs_no_import(aws: Proven, target: Target, backend: Backend) -> None:
    export_file.keep(backend.kept, exported(base(), [("creating", vpc_entry(target))]))
    backend.exports = [exported(base(), [])]
    assert recover(aws, target, backend) == ["Vpc vpc: nothing was made"]
    assert backend.commands == []


def test_what_nobody_can_tell_apart_is_deleted_before_its_operation_is_cleared(
    aws: Proven, target: Target, backend: Backend, account: process.Account, vpc: str
) -> None:
    second = make_vpc(Clients(account), tags_of(target))
    before = exported(base(), [("creating", vpc_entry(target))])
    backend.exports = [before, exported(base(), [])]
    asked: list[frozenset[str]] = []

    def remove(ids: Collection[str]) -> None:
        assert backend.commands == [], "nothing may be cleared yet"
        assert backend.kept.exists()
        asked.append(frozenset(ids))
        for each in ids:
            Clients(account).ec2.delete_vpc(VpcId=each)

    lines = recover(aws, target, backend, remove)
    assert asked == [{vpc, second}]
    assert lines[-1] == "Vpc vpc: nothing was made"
    assert backend.commands == ["stack import", "refresh"]


def test_what_nobody_can_tell_apart_and_cannot_be_deleted_clears_nothing(
    aws: Proven, target: Target, backend: Backend, account: process.Account, vpc: str
) -> None:
    second = make_vpc(Clients(account), tags_of(target))
    backend.exports = [exported(base(), [("creating", vpc_entry(target))])]
    with pytest.raises(FleetError, match="nothing was cleared"):
        recover(aws, target, backend)
    assert backend.commands == []
    assert {vpc, second} <= {each["VpcId"] for each in Clients(account).ec2.describe_vpcs()["Vpcs"]}


@pytest.mark.parametrize("association", ["eipassoc-1", ""])
def test_a_destroy_asks_ec2_for_no_association_that_a_refresh_has_read(
    backend: Backend, aws: Proven, association: str
) -> None:
    """EC2 refuses a role whose permissions depend on tags, once the gateway that held the address is gone."""
    outputs = {"id": "eipalloc-1", "associationId": association, "publicIp": "203.0.113.7"}
    address = entry(EIP, "nat", id="eipalloc-1", outputs=outputs)
    other = entry(VPC, "vpc", id="vpc-1", outputs={"id": "vpc-1", "associationId": "kept"})
    backend.exports = [exported([*base(), other, address], [])]
    destroy.forget_associations(aws, backend.folder, "staging", lambda _line: None)
    if not association:
        assert backend.commands == []
        return
    assert backend.commands == ["stack import"]
    (document,) = backend.imported
    after = json.loads(document)["deployment"]["resources"]
    assert after[:-1] == [*base(), other]
    assert after[-1]["outputs"] == outputs | {"associationId": ""}
