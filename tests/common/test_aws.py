"""What is not an answer of AWS is unknown, in one line: in every look, in every deletion, whoever sends it."""

from __future__ import annotations

import http.client
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from common.aws import Aws
from common.pulumi.exported_state import StackState
from sandbox.account.faults import Rule
from teardown import kinds, probe, sweep, verify
from teardown.time_budget import Budget
from tests.teardown.conftest import proven

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common.target import Proven
    from sandbox.account import process
    from tests.teardown.conftest import Town

HTML = "<!DOCTYPE html>\n<html>\n<head><title>Login</title></head><body><br>::error::sign in\n</body></html>\n"
WELL_FORMED = "<html><body>sign in</body></html>"
LOOKS = re.compile(r"(?:Action=|\.)(?:Describe|List|Get)")


@dataclass
class Proxy:
    """Between the clients and the account: passes calls on, or answers itself."""

    account: process.Account
    status: int = 200
    body: str = HTML
    spared: tuple[str, ...] = ("sts",)
    """The services whose calls are passed on."""
    looks: bool = False
    """Whether looks of all services are passed on."""
    cut: int = 0
    """Bytes that the header promises and the body lacks."""
    url: str = ""
    calls: list[str] = field(default_factory=list[str])

    def answer(self, request: Request) -> Response:
        service = request.headers["Authorization"].split("/")[3]
        called = f"{request.headers.get('X-Amz-Target', '')} {request.get_data(as_text=True)}"
        if service in self.spared or (self.looks and (LOOKS.search(called) or request.method == "GET")):
            return self._pass_on(request)
        self.calls.append(f"{service} {called[:60]}")
        response = Response(self.body, self.status, content_type="text/html")
        response.headers["Content-Length"] = str(len(self.body) + self.cut)
        return response

    def _pass_on(self, request: Request) -> Response:
        connection = http.client.HTTPConnection(urlsplit(self.account.endpoint).netloc)
        headers = {key: value for key, value in request.headers if key != "Host"}
        connection.request(request.method, request.full_path.rstrip("?"), request.get_data(), headers)
        answer = connection.getresponse()
        return Response(answer.read(), answer.status, content_type=answer.headers["Content-Type"])


@pytest.fixture
def proxy(account: process.Account, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    made = Proxy(account)
    server = make_server("127.0.0.1", 0, Request.application(made.answer), threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    server.shutdown()


ANSWERS = {
    "html": {},
    "html 502": {"status": 502},
    "html 403": {"status": 403},
    "well-formed html": {"body": WELL_FORMED},
    "well-formed html 500": {"body": WELL_FORMED, "status": 500},
    "nothing": {"body": ""},
    "an empty object": {"body": "{}"},
    "a list": {"body": "[]"},
    "half": {"body": '<?xml version="1.0"?><DescribeVolumesResponse><volumeSet><item>'},
    "an item without its id": {"body": "<X><volumeSet><item/></volumeSet><vpcSet><item/></vpcSet></X>"},
    "cut off": {"cut": 100},
}


@pytest.fixture(params=ANSWERS)
def broken(request: pytest.FixtureRequest, proxy: Proxy) -> Proxy:
    for name, value in ANSWERS[request.param].items():
        setattr(proxy, name, value)
    return proxy


def one_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and len(text) < 600


def test_a_look_through_a_proxy_that_answers_itself_is_unknown_for_every_kind(broken: Proxy, town: Town) -> None:
    """Never none, and never a traceback."""
    town.leave()
    findings = probe.look(Aws(broken.account.region), town.target)
    assert {line.partition(":")[0] for line in findings.unknown} == {kind.name for kind in kinds.KINDS}
    assert all(map(one_line, findings.unknown)), findings.unknown
    assert broken.calls


def test_an_account_that_is_not_told_is_unknown(broken: Proxy, town: Town) -> None:
    broken.spared = ()
    verdict = verify.verify(Aws(broken.account.region), town.target, lambda: StackState(), reads=2, pause=0.0)
    assert not verdict.clean
    (line,) = verdict.unknown
    assert one_line(line)
    assert "sts:GetCallerIdentity" in line
    assert verdict.line("staging").startswith("staging: could not verify: ")


def test_a_deletion_through_such_a_proxy_is_not_done_in_one_line(proxy: Proxy, town: Town) -> None:
    town.leave()
    proxy.looks = True
    aws = proven(proxy.account)
    planned = town.plan(aws)
    assert planned.findings.unknown == ()
    for status, body in ((502, HTML), (200, HTML), (200, WELL_FORMED), (403, WELL_FORMED)):
        proxy.status, proxy.body = status, body
        said: list[str] = []
        outcome = sweep.sweep(aws, planned, Budget.of(60.0), said.append, patience=0.1)
        assert len(outcome.failed) == len(planned.doomed)
        assert all(map(one_line, [*said, *outcome.failed.values()])), outcome.failed
        assert not outcome.good


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("ec2", "RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"),
        ("ec2", "DeleteSecurityGroup", "ec2:DeleteSecurityGroup"),
        ("ec2", "DescribeSecurityGroups", "ec2:DescribeSecurityGroups"),
        ("elasticloadbalancing", "ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes"),
        ("elasticloadbalancing", "DeleteTargetGroup", "elasticloadbalancing:DeleteTargetGroup"),
        ("logs", "DeleteLogGroup", "logs:DeleteLogGroup"),
        ("ec2", "DeleteVolume", "ec2:DeleteVolume"),
    ],
)
def test_the_permission_that_is_named_is_that_of_the_call_that_was_refused(
    town: Town, aws: Proven, strike: Callable[..., None], service: str, operation: str, action: str
) -> None:
    left = town.leave()
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    town.clients.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=left["load balancer"][0], Attributes=on
    )
    planned = town.plan(aws)
    strike(Rule("AccessDenied", service, operation))
    outcome = sweep.sweep(aws, planned, Budget.of(60.0), lambda _line: None, patience=0.1)
    denied = [why for why in outcome.failed.values() if "AccessDenied" in why]
    assert denied
    assert all(f"the credentials lack {action} " in why for why in denied), denied
