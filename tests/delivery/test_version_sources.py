"""What sources say: EKS of the embedded account, by boto3; repositories, registries, GitHub on servers with faults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common.aws import Aws
from delivery import version_sources
from delivery.version_choice import ChartVersion
from delivery.version_fetch import Limits, Web
from delivery.version_pins import Chart, Contract, Pins, Place, Scope
from delivery.version_sources import Sources
from infra.contract import names
from infra.contract.versions import ADDONS, KUBERNETES
from permanent import policies
from permanent.preflight.verdict import Unknown
from sandbox.account.faults import Rule
from sandbox.account.overlay.eks.versions import OFFERED
from tests.permanent import example
from tests.support import foreign_server
from tests.support.foreign_server import Reply
from tests.support.iam import action_of, allows_action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from delivery.version_choice import Offers
    from sandbox.account.process import Account
    from sandbox.folder import Folder
    from tests.support.foreign_server import ForeignServer

AT = Place("k8s/release.yaml", 0, 0, 1)
HTML = b"<!DOCTYPE html><html><title>Sign in</title></html>"
INDEX, RELEASES = "/charts/index.yaml", f"/{version_sources.FLUX}"
TAGS = "/v2/charts/lbc/tags/list?n=1000"


@pytest.fixture
def server() -> Iterator[ForeignServer]:
    with foreign_server.serving() as there:
        yield there


@pytest.fixture
def aws(account_environment: Account) -> Aws:
    return Aws(account_environment.region)


def pins(*charts: Chart) -> Pins:
    scope = Scope("", "1.36", AT, {name: each.pin for name, each in ADDONS.items()}, {})
    return Pins(Contract(scope, "2.9.5", AT, {}, {}, AT), (), charts, ())


def chart(server: ForeignServer, name: str = "lbc") -> Chart:
    return Chart(name, "3.5.0", (AT,), f"{server.url}/charts")


def registry(server: ForeignServer) -> Chart:
    return Chart("lbc", "3.5.0", (AT,), f"oci://{server.url.removeprefix('http://')}/charts", is_insecure=True)


def asked(server: ForeignServer, aws: Aws, *charts: Chart, **limits: Any) -> Offers:
    web = Web(Limits(**limits))
    return Sources(aws, web, server.url).offers(pins(*charts))


def why(found: object) -> str:
    assert isinstance(found, Unknown), found
    return found.why


# EKS.


def test_eks_says_minors_with_their_support_and_builds_page_by_page(aws: Aws, server: ForeignServer) -> None:
    def one(params: dict[str, Any], **_more: object) -> dict[str, Any]:
        return {**params, "maxResults": 1}

    for operation in ("DescribeClusterVersions", "DescribeAddonVersions"):
        aws.client("eks").meta.events.register(f"provide-client-params.eks.{operation}", one)
    found = asked(server, aws)
    assert not isinstance(found.kubernetes, Unknown)
    assert list(found.kubernetes) == list(OFFERED)
    assert found.kubernetes["1.36"].standard_until == KUBERNETES["1.36"].standard_support_until
    proxies = found.addons["kube-proxy"]
    assert not isinstance(proxies, Unknown)
    assert [each.version for each in proxies if "1.36" in each.default_for] == [ADDONS["kube-proxy"].pin]
    assert {minor for each in proxies for minor in each.minors} == set(OFFERED)


def test_every_call_is_one_that_preview_and_deploy_may_make(
    aws: Aws, server: ForeignServer, account_folder: Folder
) -> None:
    before = len(account_folder.calls.read_text().splitlines())
    asked(server, aws)
    lines = [json.loads(line) for line in account_folder.calls.read_text().splitlines()[before:]]
    made = {action_of(line["service"], line["operation"]) for line in lines}
    assert made == {"eks:DescribeClusterVersions", "eks:DescribeAddonVersions"}
    granted = policies.documents(example.SETTINGS)
    for role in (names.PREVIEW_ROLE, names.DEPLOY_ROLE):
        assert [action for action in made if not allows_action(granted[role].values(), action)] == []


def test_a_call_that_is_refused_is_unknown_with_the_permission_and_others_are_asked(
    aws: Aws, server: ForeignServer, strike: Callable[..., None]
) -> None:
    strike(Rule("AccessDenied", "eks", "DescribeAddonVersions"))
    found = asked(server, aws)
    assert not isinstance(found.kubernetes, Unknown)
    assert "the credentials lack eks:DescribeAddonVersions" in why(found.addons["coredns"])


# A repository's index.


def test_an_index_says_versions_with_their_app_and_range(server: ForeignServer, aws: Aws) -> None:
    server.replies[INDEX] = Reply(
        b"entries:\n  other: [{version: 9.9.9}]\n  lbc:\n"
        b"  - {version: 3.10, appVersion: 2024.10, kubeVersion: '>=1.25', x: [1]}\n"
        b"  - {version: 3.5.0, deprecated: true, urls: [a], created: 2026-08-03T00:00:00Z}\n"
    )
    assert asked(server, aws, chart(server)).charts[f"{server.url}/charts/lbc"] == [
        ChartVersion("3.10", "2024.10", ">=1.25"),
        ChartVersion("3.5.0", is_deprecated=True),
    ]


def test_ten_thousand_versions_are_read_and_a_repository_is_asked_once(server: ForeignServer, aws: Aws) -> None:
    entries = "".join(f"  - {{version: 1.0.{number}}}\n" for number in range(10_000))
    server.replies[INDEX] = Reply(f"entries:\n  lbc: &all\n{entries}  kps: *all\n".encode())
    found = asked(server, aws, chart(server), chart(server, "kps")).charts
    assert [len(each) if not isinstance(each, Unknown) else each for each in found.values()] == [10_000, 10_000]
    assert [path for path, _ in server.asked].count(INDEX) == 1


BOMB = b"entries:\n  a: &a [x,x]\n" + b"".join(
    f"  {chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n".encode() for n in range(20)
)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"oops", 500), "HTTP 500"),
        (Reply(b"", 404), "HTTP 404"),
        (Reply(HTML, headers={"Content-Type": "text/yaml"}), "a page in HTML instead of an answer"),
        (Reply(b"entries:\n  lbc:\n  - {version: 3.5.0}\n", length=4096), "without sending complete message body"),
        (Reply(b"entries: [", 200), "not valid YAML"),
        (Reply(b"\xff\xfe\x00", 200), "not valid YAML"),
        (Reply(b"[" * 100_000), "not valid YAML"),
        (Reply(b"entries: {lbc: [{appVersion: 1}]}"), "0.version: Field required"),
        (Reply(b"entries: {lbc: 3.5.0}"), "valid list"),
        (Reply(b"entries: {lbc: [{version: [3, 5]}]}"), "valid string"),
        (Reply(b"[]"), "valid dictionary"),
        (Reply(b"entries: {}"), "it has no chart lbc"),
        (Reply(BOMB + b"  lbc: *u\n"), "valid dictionary"),
        (Reply(b"entries: {}\n#" + b"x" * 2000), "more than 1000 bytes"),
        (Reply(b"", 302, {"Location": INDEX}), "redirects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_index_that_is_none_is_unknown(server: ForeignServer, aws: Aws, reply: Reply, reason: str) -> None:
    server.replies[INDEX] = reply
    limits = {"size": 1000} if "1000" in reason else {}
    assert reason in why(asked(server, aws, chart(server), **limits).charts[f"{server.url}/charts/lbc"])


@pytest.mark.parametrize(
    ("reply", "limits", "reason"),
    [
        (Reply(b"entries: {}", pause=5.0), {"read": 0.1}, "timed out"),
        (Reply(b"entries: {}\n" * 9, pause=0.05, part=12), {"whole": 0.1}, "not all of it came within 0.1 s"),
    ],
)
def test_a_server_that_is_slow_is_unknown(
    server: ForeignServer, aws: Aws, reply: Reply, limits: dict[str, float], reason: str
) -> None:
    server.replies[INDEX] = reply
    assert reason in why(asked(server, aws, chart(server), **limits).charts[f"{server.url}/charts/lbc"])


def test_a_server_that_is_not_there_is_unknown(server: ForeignServer, aws: Aws) -> None:
    gone = Chart("lbc", "3.5.0", (AT,), "http://127.0.0.1:9/charts")
    none = Chart("kps", "88.5.3", (AT,), "")
    found = asked(server, aws, gone, none).charts
    assert "http://127.0.0.1:9/charts/index.yaml: " in why(found["http://127.0.0.1:9/charts/lbc"])
    assert why(found["/kps"]) == "k8s/release.yaml: no HelmRepository of its sourceRef is in k8s/"


def test_what_a_server_says_of_a_mistake_is_one_clean_line(server: ForeignServer, aws: Aws) -> None:
    server.replies[INDEX] = Reply(b'entries: {lbc: [{version: 1, "\\e[31m\\n::error::x": 2, deprecated: "\\e[2J"}]}')
    said = why(asked(server, aws, chart(server)).charts[f"{server.url}/charts/lbc"])
    assert said.isprintable()
    assert "[2J" not in said


# A registry.


def test_a_registry_is_asked_with_a_token_for_everybody_page_by_page(server: ForeignServer, aws: Aws) -> None:
    asks = f'Bearer realm="{server.url}/token",service="registry",scope="repository:charts/lbc:pull"'
    server.tokens[TAGS] = Reply(b"{}", 401, {"WWW-Authenticate": asks})
    server.replies["/token?service=registry&scope=repository:charts/lbc:pull"] = Reply(b'{"token": "everybody"}')
    link = {"Link": '</v2/charts/lbc/tags/list?n=1000&last=3.5.0>; rel="next"'}
    server.replies[TAGS] = Reply(b'{"name": "charts/lbc", "tags": ["3.5.0", "3.6.0_build.1"]}', headers=link)
    server.replies[f"{TAGS}&last=3.5.0"] = Reply(b'{"tags": null}')
    (found,) = asked(server, aws, registry(server)).charts.values()
    assert found == [ChartVersion("3.5.0"), ChartVersion("3.6.0+build.1")]
    assert [each for each in server.asked if "tags" in each[0]] == [
        (TAGS, ""),
        (TAGS, "Bearer everybody"),
        (f"{TAGS}&last=3.5.0", "Bearer everybody"),
    ]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"{}", 401), "it wants credentials"),
        (Reply(b"{}", 401, {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}), "it wants credentials"),
        (Reply(b'{"tags": [3]}'), "valid string"),
        (Reply(b'{"tags": ["3.5.0"'), "Invalid JSON"),
        (Reply(b'{"tags": []}', headers={"Link": "<http://elsewhere.invalid/>; rel=next"}), "on another server"),
        (Reply(b'{"tags": []}', headers={"Link": f"<{TAGS}>; rel=next"}), "more than 20 pages"),
        (Reply(HTML), "a page in HTML"),
    ],
)
def test_a_registry_that_says_no_is_unknown(server: ForeignServer, aws: Aws, reply: Reply, reason: str) -> None:
    server.replies[TAGS] = reply
    (found,) = asked(server, aws, registry(server)).charts.values()
    assert reason in why(found)


# GitHub.


def released(tag: str, **more: bool) -> dict[str, object]:
    return {"tag_name": tag, "draft": False, "prerelease": False, **more, "assets": [{"size": 1}]}


def test_flux_has_releases_without_drafts_and_the_token_goes_to_its_own_server(
    server: ForeignServer, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [released("v2.9.6"), released("v2.10.0", draft=True), released("v2.10.0-rc.1", prerelease=True)]
    server.replies[RELEASES] = Reply(json.dumps(listed).encode())
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    assert asked(server, aws).flux == ["2.9.6"]
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example.com/api/v3")
    asked(server, aws)
    assert [authorization for _, authorization in server.asked] == ["Bearer secret", ""]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b'{"message": "API rate limit exceeded"}', 403), "HTTP 403"),
        (Reply(HTML), "a page in HTML"),
        (Reply(b'{"message": "Not Found"}'), "valid array"),
        (Reply(b'[{"tag_name": "v2.9.6", "draft": false}]'), "0.prerelease: Field required"),
    ],
)
def test_a_github_that_says_no_is_unknown(server: ForeignServer, aws: Aws, reply: Reply, reason: str) -> None:
    server.replies[RELEASES] = reply
    assert reason in why(asked(server, aws).flux)


def test_offline_nobody_is_asked(server: ForeignServer) -> None:
    found = Sources(None, Web(), server.url).offers(pins(chart(server)))
    said = [found.kubernetes, found.flux, *found.addons.values(), *found.charts.values()]
    assert len(said) == 3 + len(ADDONS)
    assert {why(each) for each in said} == {"not asked (--offline)"}
    assert server.asked == []
