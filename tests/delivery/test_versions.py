"""`fleet versions` whole: the repository's own pins, edits that keep all else, exit codes, and the embedded account."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
import tokenize
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from common.errors import CannotRunError, FleetError
from delivery import fleet_versions, version_pins, version_sources
from delivery.version_choice import Build, ChartVersion, Minor, Offers
from delivery.version_proposal import Kind
from fleet.app import app
from infra.contract import versions
from permanent.preflight.verdict import Unknown
from sandbox.account.overlay.eks.versions import addon_versions
from tests.delivery import version_example as example
from tests.support import foreign_server
from tests.support.checkout import REPOSITORY
from tests.support.foreign_server import Reply
from tests.support.printed import printed

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.version_report import Report
    from sandbox.account.process import Account

LBC = "aws-load-balancer-controller"
KEY = f"{example.REPOSITORIES}/{LBC}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return example.checkout(tmp_path)


def texts(root: Path) -> dict[str, str]:
    return {path: (root / path).read_text() for path in example.FILES if (root / path).exists()}


def pinned(report: Report) -> dict[str, tuple[str, str | None]]:
    return {row.name: (row.version, row.proposed) for row in report.proposal.rows}


# The repository's own files.


def test_the_pins_of_the_repository_are_read_as_they_are() -> None:
    found = version_pins.read(REPOSITORY)
    contract = found.contract
    assert contract.scope.kubernetes == versions.KUBERNETES_DEFAULT
    assert contract.scope.addons == {name: each.pin for name, each in versions.ADDONS.items()}
    assert {minor: each.until for minor, each in contract.support.items()} == {
        minor: each.standard_support_until for minor, each in versions.KUBERNETES.items()
    }
    assert contract.flux == versions.FLUX
    assert {chart.name: chart.version for chart in found.charts} == dict(versions.CHARTS)
    for chart in found.charts:
        assert [place.path.rpartition("/")[2] for place in chart.places] == [
            "helmrelease.yaml",
            "versions.py",
            "checks.yaml",
        ]
        assert chart.repository.startswith("https://")
    assert [place.path for place in found.kubernetes_elsewhere] == ["checks.yaml"]
    version_pins.refuse_disagreement(found, REPOSITORY)


def test_everything_of_the_repository_moves_in_one_diff_that_is_still_its_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minor above the newest that is known, so that the table of dates grows too."""
    minor = f"1.{int(versions.KUBERNETES_DEFAULT.partition('.')[2]) + 1}"
    builds = {name: [Build("v9.0.0-eksbuild.1", frozenset({minor}), frozenset({minor}))] for name in versions.ADDONS}
    found = version_pins.read(REPOSITORY)
    charts = {chart.key: [ChartVersion("999.0.0")] for chart in found.charts}
    report = example.report(
        REPOSITORY, offers=Offers({minor: Minor(date(2028, 1, 1), None)}, builds, ["9.9.9"], charts)
    )
    assert {str(document.path) for document in report.documents} == {
        *("infra/contract/versions.py", "checks.yaml"),
        *(chart.places[0].path for chart in found.charts),
    }
    (contract,) = (each.after for each in report.documents if each.path.name == "versions.py")
    moved = imported(contract, tmp_path / "moved_versions.py", monkeypatch)
    assert minor == moved.KUBERNETES_DEFAULT
    assert {name: (each.kubernetes, each.versions) for name, each in moved.ADDONS.items()} == dict.fromkeys(
        versions.ADDONS, (minor, ("v9.0.0-eksbuild.1",))
    )
    assert list(moved.KUBERNETES) == [*versions.KUBERNETES, minor]
    assert moved.KUBERNETES[minor].standard_support_until == date(2028, 1, 1)
    assert versions.FLUX == moved.FLUX, "Renovate moves it"
    assert set(moved.CHARTS.values()) == {"999.0.0"}


def imported(text: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of this text."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)  # its dataclasses look for it
    spec.loader.exec_module(module)
    return module


# What is proposed, and what stays.


def test_a_checkout_that_is_behind_gets_one_minor_with_its_addons_and_the_charts(root: Path) -> None:
    report = example.report(root)
    assert pinned(report) == {
        "Kubernetes": ("1.35", "1.36"),
        "vpc-cni": ("v1.22.4-eksbuild.3", None),
        "kube-proxy": ("v1.35.4-eksbuild.9", "v1.36.0-eksbuild.25"),
        "Flux": ("2.9.5", "2.9.6"),
        LBC: ("3.5.0", "3.6.0"),
    }
    assert texts(root) == example.FILES, "nothing is written"
    changed = [line for line in report.diff if re.match(r"[+-](?![+-])", line)]
    assert changed == [
        '-kubernetes: "1.35"',
        '+kubernetes: "1.36"',
        f"-  {LBC}: 3.5.0 # one line",
        f"+  {LBC}: 3.6.0 # one line",
        '-KUBERNETES_DEFAULT = "1.35"',
        '+KUBERNETES_DEFAULT = "1.36"',
        '+            KubernetesVersion("1.36", date(2027, 8, 2)),',
        '-        "vpc-cni": AddonVersions("1.35", ("v1.22.4-eksbuild.3",)),',
        '-        "kube-proxy": AddonVersions("1.35", ("v1.35.4-eksbuild.9",)),  # of the minor',
        '+        "vpc-cni": AddonVersions("1.36", ("v1.22.4-eksbuild.3", "v1.23.2-eksbuild.1")),',
        '+        "kube-proxy": AddonVersions("1.36", ("v1.36.0-eksbuild.25", "v1.36.0-eksbuild.45")),  # of the minor',
        f'-CHARTS: Mapping[str, str] = MappingProxyType({{"{LBC}": "3.5.0"}})',
        f'+CHARTS: Mapping[str, str] = MappingProxyType({{"{LBC}": "3.6.0"}})',
        "-      version: '3.5.0'",
        "+      version: '3.6.0'",
    ]


def test_what_is_written_is_the_diff_and_asking_again_proposes_nothing(root: Path) -> None:
    shown = example.report(root)
    written = example.report(root, write=True)
    assert (written.diff, written.is_written) == (shown.diff, True)
    again = example.report(root, write=True)
    assert (again.diff, again.is_written) == ([], False)
    assert {row.name for row in again.proposal.rows if row.proposed} == {"Flux"}, "Renovate's"
    assert "not committed" in again.since.values()
    example.commit(root)
    assert example.report(root).diff == []


def test_what_is_shown_is_a_patch_that_git_takes(root: Path) -> None:
    shown = printed(example.report(root).shown)
    (root / "x.patch").write_text("\n".join(shown) + "\n")
    example.git(root, "apply", "x.patch")
    applied = texts(root)
    example.git(root, "checkout", "--quiet", ".")
    example.report(root, write=True)
    assert texts(root) == applied != example.FILES


def test_a_second_minor_waits_for_the_first_to_be_committed(root: Path) -> None:
    kubernetes = example.OFFERS.kubernetes
    assert not isinstance(kubernetes, Unknown)
    further = {**kubernetes, "1.37": Minor(date(2027, 12, 2), None)}
    addons: dict[str, Any] = {
        name: [*builds, Build("v9.0.0-eksbuild.1", frozenset({"1.37"}), frozenset())]
        for name, builds in example.OFFERS.addons.items()
        if not isinstance(builds, Unknown)
    }
    offers = replace(example.OFFERS, kubernetes=further, addons=addons)
    example.report(root, offers=offers, write=True)
    waiting = example.report(root, offers=offers)
    assert pinned(waiting)["Kubernetes"] == ("1.36", None)
    says = "Kubernetes 1.37 is not proposed: HEAD has 1.35: 1.36 is to be committed, and merged, before it"
    assert says in waiting.proposal.notes
    example.commit(root)
    assert pinned(example.report(root, offers=offers))["Kubernetes"] == ("1.36", "1.37")


@pytest.mark.parametrize(
    ("only", "moved"),
    [
        (Kind.KUBERNETES, {"Kubernetes", "kube-proxy"}),
        (Kind.ADDONS, set[str]()),
        (Kind.CHARTS, {LBC}),
        (Kind.FLUX, {"Flux"}),
    ],
)
def test_only_what_is_asked_for_moves(root: Path, only: Kind, moved: set[str]) -> None:
    assert {row.name for row in example.report(root, only).proposal.rows if row.proposed} == moved


def test_what_renovate_moves_is_named_and_left_to_it(root: Path) -> None:
    notes = example.report(root).proposal.notes
    assert notes == (
        "Renovate moves Flux, with the files that go with it: not in the diff",
        f"Renovate offers Kubernetes, {LBC} on its dashboard too: take each here or there, not both",
    )
    (root / "renovate.json").unlink()
    report = example.report(root)
    assert '+FLUX = "2.9.6"' in report.diff
    assert report.proposal.notes == ()
    (root / "renovate.json").write_text('{"packageRules": [{"matchPackageNames": 3}]}')
    with pytest.raises(CannotRunError, match=r"renovate.json: packageRules.0.matchPackageNames: "):
        example.report(root)


def test_a_date_that_eks_moved_is_corrected(root: Path) -> None:
    offers = replace(example.OFFERS, kubernetes={"1.35": Minor(date(2027, 4, 1), None)})
    changed = [line for line in example.report(root, Kind.KUBERNETES, offers=offers).diff if line.startswith("+ ")]
    assert changed == ['+            KubernetesVersion("1.35", date(2027, 4, 1)),  # a comment']


STACK = """\
config:
  # On a minor of its own.
  infra-fleet:kubernetesVersion: '1.34'
  infra-fleet:addonVersions: {vpc-cni: v1.22.4-eksbuild.3, kube-proxy: "v1.34.0-eksbuild.1"} # all
  infra-fleet:nodeGroups:
    default: {amiRelease: 1.34.1-20260923}
"""


def test_a_stack_s_own_pins_move_in_its_file(tmp_path: Path) -> None:
    root = example.checkout(tmp_path, {"Pulumi.blue.yaml": STACK})
    report = example.report(root, Kind.KUBERNETES, offers=with_older_builds())
    assert pinned(report)["Kubernetes of blue"] == ("1.34", "1.35")
    assert [line for line in report.diff if line.startswith(("+  infra", "-  infra"))] == [
        "-  infra-fleet:kubernetesVersion: '1.34'",
        '-  infra-fleet:addonVersions: {vpc-cni: v1.22.4-eksbuild.3, kube-proxy: "v1.34.0-eksbuild.1"} # all',
        "+  infra-fleet:kubernetesVersion: '1.35'",
        '+  infra-fleet:addonVersions: {vpc-cni: v1.22.4-eksbuild.3, kube-proxy: "v1.35.4-eksbuild.9"} # all',
    ]
    assert "Pulumi.blue.yaml: raise nodeGroups.default.amiRelease to a release of 1.35 too" in report.proposal.notes


def with_older_builds() -> Offers:
    proxies, cnis = example.OFFERS.addons["kube-proxy"], example.OFFERS.addons["vpc-cni"]
    assert not isinstance(proxies, Unknown)
    assert not isinstance(cnis, Unknown)
    older = [*proxies, example.build("v1.34.0-eksbuild.1", "1.34")]
    return replace(example.OFFERS, addons={"kube-proxy": older, "vpc-cni": cnis})


def test_files_that_disagree_are_refused_by_name(root: Path) -> None:
    (root / "checks.yaml").write_text(example.CHECKS.replace("3.5.0", "3.7.0"))
    with pytest.raises(FleetError, match=rf"^checks.yaml:4: {LBC} is 3.7.0, elsewhere 3.5.0: set all to one version$"):
        example.report(root)


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        (
            "infra/contract/versions.py",
            "KUBERNETES_DEFAULT = (",
            "not of the form that `fleet versions` reads: SyntaxError",
        ),
        ("infra/contract/versions.py", "KUBERNETES_DEFAULT = '1.35'", "KeyError"),
        ("infra/contract/versions.py", example.CONTRACT.replace('FLUX = "2.9.5"', "FLUX = 2"), "expected a string"),
        ("checks.yaml", "kubernetes: [", "checks.yaml is not valid YAML"),
        ("k8s/infrastructure/release.yaml", "kind: HelmRelease\nx: [", "release.yaml is not valid YAML"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(root: Path, path: str, text: str, says: str) -> None:
    (root / path).write_text(text)
    with pytest.raises(CannotRunError, match=re.escape(says)):
        example.report(root, write=True)
    (root / path).unlink()
    if path.endswith("versions.py"):
        with pytest.raises(CannotRunError, match="is missing"):
            example.report(root)


def test_without_git_or_with_half_a_history_nothing_is_said_of_since_when(root: Path, tmp_path_factory: Any) -> None:
    assert set(example.report(root).since.values()) == {"2026-11-02"}
    (root / "checks.yaml").write_text(example.CHECKS + "# more\n")
    example.commit(root)
    shallow = tmp_path_factory.mktemp("shallow") / "clone"
    example.git(root, "clone", "--quiet", "--depth=1", f"file://{root}", str(shallow))
    assert example.report(shallow).since == {}
    (root / ".git").rename(root / "git")
    report = example.report(root)
    assert report.since == {}
    assert pinned(report)["Kubernetes"] == ("1.35", "1.36")


# Support, and what --check makes of it.


@pytest.mark.parametrize(
    ("offers", "days", "code"),
    [
        (example.OFFERS, 0, 0),
        (example.OFFERS, 117, 1),  # the day after the last of 1.35's standard support
        (replace(example.OFFERS, flux=["2.12.0", "2.11.0", "2.10.0", "2.9.5"]), 0, 1),
        (replace(example.OFFERS, flux=["2.11.0", "2.10.0", "2.9.5"]), 0, 0),
        (replace(example.OFFERS, flux=["2.11.0", "2.10.0"]), 0, 2),
        (replace(example.OFFERS, flux=Unknown("x")), 0, 2),
        (replace(example.OFFERS, kubernetes={}), 0, 1),
        (replace(example.OFFERS, addons={"vpc-cni": []}), 0, 1),
        (
            replace(example.OFFERS, charts={f"{example.REPOSITORIES}/{LBC}": [ChartVersion("3.5.0", "x", "<1.30")]}),
            0,
            1,
        ),
        (replace(example.OFFERS, charts={f"{example.REPOSITORIES}/{LBC}": [ChartVersion("3.6.0", "x")]}), 0, 2),
        (None, 0, 2),
        (None, 117, 1),
    ],
)
def test_check_fails_for_what_is_out_of_support_and_not_for_what_is_newer(
    root: Path, offers: Offers | None, days: int, code: int
) -> None:
    assert example.report(root, offers=offers, today=example.TODAY + timedelta(days=days)).exit_code == code


def test_offline_it_says_what_the_checkout_knows_and_never_up_to_date(root: Path) -> None:
    report = example.report(root, offers=None)
    said = "\n".join(printed(report.shown))
    assert "standard support until 2027-03-27 (infra/contract/versions.py)" in said
    assert "unknown: Kubernetes, vpc-cni, kube-proxy, Flux, aws-load-balancer-controller: not asked (--offline)" in said
    assert "nothing to propose of what is known; what is unknown may have something newer" in said
    assert "up to date" not in said
    assert report.diff == []
    assert [row.support.is_supported for row in report.proposal.rows] == [True, None, None, None, None]


# Properties of the files.


def release(major: int, minor: int, patch: int) -> str:
    return f"{major}.{minor}.{patch}"


def eks(version: str, number: int) -> str:
    return f"v{version}-eksbuild.{number}"


VERSION = st.builds(release, st.integers(1, 5), st.integers(0, 12), st.integers(0, 12))
MINOR = st.sampled_from(["1.34", "1.35", "1.36", "1.37"])
EKS = st.builds(eks, VERSION, st.integers(1, 30))
OFFERED = st.builds(
    Offers,
    st.dictionaries(MINOR, st.builds(Minor, st.dates(date(2026, 1, 1), date(2029, 1, 1)), st.none())),
    st.fixed_dictionaries(
        {
            name: st.lists(st.builds(Build, EKS, st.frozensets(MINOR), st.frozensets(MINOR)), max_size=6)
            for name in ("vpc-cni", "kube-proxy")
        }
    ),
    st.lists(VERSION, max_size=3),
    st.fixed_dictionaries(
        {
            f"{example.REPOSITORIES}/{LBC}": st.lists(
                st.builds(ChartVersion, VERSION, kube=st.sampled_from(["", "<1.36"]))
            )
        }
    ),
)


def comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@given(OFFERED)
@settings(
    max_examples=20,
    phases=[Phase.generate],  # a smaller case takes minutes to find: each asks git and writes files
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_offered_the_files_stay_valid_keep_their_comments_and_settle(root: Path, offers: Offers) -> None:
    for path, text in example.FILES.items():
        (root / path).write_text(text)
    example.report(root, offers=offers, write=True)
    after = texts(root)
    ast.parse(after[version_pins.CONTRACT])
    for path in (version_pins.CONTRACT, "checks.yaml", "k8s/infrastructure/release.yaml"):
        assert comments(after[path]) == comments(example.FILES[path])
        assert len(after[path].splitlines()) - len(example.FILES[path].splitlines()) in (0, 1)
    found = version_pins.read(root)
    version_pins.refuse_disagreement(found, root)
    kubernetes = found.contract.scope.kubernetes
    assert kubernetes in ("1.35", "1.36")
    assert kubernetes in found.contract.support
    assert yaml.safe_load(after["checks.yaml"])["kubernetes"] == kubernetes
    assert example.report(root, offers=offers).diff == []


# The command.


def test_the_command_on_the_embedded_account_and_servers_of_its_own(
    account_environment: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = example.CONTRACT.replace("v1.22.4-eksbuild.3", addon_versions("vpc-cni", "1.35")[0])
    contract = contract.replace("v1.35.4-eksbuild.9", addon_versions("kube-proxy", "1.35")[0])
    with foreign_server.serving() as server:
        source = example.SOURCE.replace(example.REPOSITORIES, server.url)
        files = {"infra/contract/versions.py": contract, "k8s/infrastructure/source.yaml": source}
        root = example.checkout(tmp_path, files)
        index = f"entries: {{{LBC}: [{{version: 3.6.0}}, {{version: 3.5.0}}]}}"
        server.replies["/index.yaml"] = Reply(index.encode())
        monkeypatch.setattr(version_sources, "GITHUB", server.url)
        assert account_environment.region == "eu-west-2"
        done = CliRunner().invoke(app, ["versions", "-C", str(root), "--json", "--check", "--write"])
        found = json.loads(done.stdout)
        assert done.exit_code == 2, done.stderr  # of Flux it is not known
        assert [each["pin"] for each in found["unknown"]] == ["Flux"]
        rows = {each["name"]: each for each in found["pins"]}
        assert rows["Kubernetes"]["proposed"]["version"] == "1.36"
        assert rows["kube-proxy"]["proposed"]["version"] == addon_versions("kube-proxy", "1.36")[0]
        assert rows[LBC]["proposed"] == {"version": "3.6.0", "support": "listed; its app and range are not known"}
        assert rows["Flux"]["support"].startswith("unknown")
        assert (found["written"], rows["Kubernetes"]["since"]) == (True, "2026-11-02")
        assert "asking EKS in eu-west-2" in done.stderr
        again = CliRunner().invoke(app, ["versions", "-C", str(root)])
        assert again.exit_code == 0
        assert "@@" not in again.stdout
        assert "nothing to propose of what is known" in again.stdout


def test_the_page_s_excerpts_are_the_command_s() -> None:
    page = example.PAGE.read_text("utf-8")
    assert page == example.with_excerpts(page), "python -m tests.delivery.version_example"


def test_offline_needs_no_settings_of_the_account(root: Path) -> None:
    (root / fleet_versions.LAYER).unlink()
    assert CliRunner().invoke(app, ["versions", "-C", str(root), "--offline"]).exit_code == 0
    done = CliRunner().invoke(app, ["versions", "-C", str(root)])
    assert (done.exit_code, "Pulumi.account.yaml is missing" in done.stderr) == (2, True)
