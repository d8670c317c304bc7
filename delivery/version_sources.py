"""Asks for what is offered: EKS, the charts' repositories and registries, GitHub for Flux. A source that fails is
unknown with its reason, and the others are asked all the same.

Sources: EKS API reference, DescribeAddonVersions and DescribeClusterVersions; Helm documentation, "The Chart Repository
Guide" (index.yaml); OCI distribution specification 1.1 (listing tags); Docker registry, token authentication; GitHub
REST reference, releases.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import yaml
from pydantic import Field, TypeAdapter

from common.errors import FleetError, UnknownError
from common.text import clean
from delivery.version_choice import Build, ChartVersion, Minor, Offers
from delivery.version_fetch import Foreign, Web, challenge, next_link, parsed
from permanent.preflight import facts, reads
from permanent.preflight.verdict import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from common.aws import Aws
    from delivery.version_pins import Chart, Pins

T = TypeVar("T")

GITHUB = "https://api.github.com"
FLUX = "repos/fluxcd/flux2/releases?per_page=50"
"""The newest releases: more than three minors have, one of which must be the pin's to be supported."""

AT_ONCE = 8
"""Sources that are asked together."""

PAGES = 20
"""Of a registry's list of tags."""

MOST = 20_000
"""Versions of one chart."""

NOT_ASKED = Unknown("not asked (--offline)")

Word = Annotated[str, Field(max_length=256)]


class IndexEntry(Foreign):
    """A version of a chart in a repository's index.yaml."""

    version: Word
    appVersion: Word = ""  # noqa: N815  # Helm's name
    kubeVersion: Word = ""  # noqa: N815
    deprecated: bool = False


class Index(Foreign):
    """index.yaml: chart → its versions, of which only the pinned charts' are read."""

    entries: dict[str, Any]


class Tags(Foreign):
    """A page of a registry's tags."""

    tags: Annotated[list[Word], Field(max_length=MOST)] | None


class Token(Foreign):
    """What a registry's token server answers; both names are in use."""

    token: str = ""
    access_token: str = ""


class Release(Foreign):
    """A release on GitHub."""

    tag_name: Word
    draft: bool
    prerelease: bool


INDEX, TAGS, TOKEN = TypeAdapter(Index), TypeAdapter(Tags), TypeAdapter(Token)
ENTRIES = TypeAdapter(Annotated[list[IndexEntry], Field(max_length=MOST)])
RELEASES = TypeAdapter(Annotated[list[Release], Field(max_length=100)])


@dataclass(frozen=True)
class Sources:
    """Where to ask.

    Attributes:
        aws: clients of the account's region; None: nothing is asked at all.
        web: asks the others.
        github: URL of GitHub's API.
    """

    aws: Aws | None
    web: Web = field(default_factory=Web)
    github: str = field(default_factory=lambda: GITHUB)

    def offers(self, pins: Pins) -> Offers:
        """Ask all, together."""
        addons = tuple(dict.fromkeys(name for scope in pins.scopes for name in scope.addons))
        charts = {chart.key: chart for chart in pins.charts}
        if self.aws is None:
            return Offers(NOT_ASKED, dict.fromkeys(addons, NOT_ASKED), NOT_ASKED, dict.fromkeys(charts, NOT_ASKED))
        asker = facts.Asker(self.aws)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            kubernetes = pool.submit(_kubernetes, asker)
            flux = pool.submit(_known, partial(_flux, self.web, self.github))
            builds = {name: pool.submit(_builds, asker, name) for name in addons}
            indexes = {url: pool.submit(_known, partial(_index, self.web, url)) for url in _repositories(pins.charts)}
            tags = {
                key: pool.submit(_known, partial(_tags, self.web, chart))
                for key, chart in charts.items()
                if chart.repository.startswith("oci://")
            }
        found: dict[str, Sequence[ChartVersion] | Unknown] = {key: each.result() for key, each in tags.items()}
        for key, chart in charts.items():
            if key not in found:
                index = indexes[chart.repository].result() if chart.repository else _no_repository(chart)
                found[key] = index if isinstance(index, Unknown) else _known(partial(_listed, index, chart))
        return Offers(kubernetes.result(), {name: each.result() for name, each in builds.items()}, flux.result(), found)


def _known(ask: Callable[[], T]) -> T | Unknown:
    try:
        return ask()
    except FleetError as error:
        return Unknown(clean(error))


def _kubernetes(asker: facts.Asker) -> Mapping[str, Minor] | Unknown:
    return asker.mapped(reads.CLUSTER_VERSIONS, "clusterVersions", _minors, includeAll=True)


def _minors(found: list[Any]) -> Mapping[str, Minor]:
    def day(each: Any, key: str) -> Any:
        at: datetime | None = each.get(key)
        return at.date() if at else None

    return {
        str(each["clusterVersion"]): Minor(
            day(each, "endOfStandardSupportDate"),
            day(each, "endOfExtendedSupportDate"),
            each.get("versionStatus") == "UNSUPPORTED",
        )
        for each in found
    }


def _builds(asker: facts.Asker, addon: str) -> Sequence[Build] | Unknown:
    return asker.mapped(reads.ADDON_VERSIONS, "addons", _of_addon, addonName=addon)


def _of_addon(found: list[Any]) -> Sequence[Build]:
    return [
        Build(
            str(each["addonVersion"]),
            frozenset(str(one["clusterVersion"]) for one in each["compatibilities"]),
            frozenset(str(one["clusterVersion"]) for one in each["compatibilities"] if one.get("defaultVersion")),
        )
        for addon in found
        for each in addon["addonVersions"]
    ]


def _flux(web: Web, github: str) -> Sequence[str]:
    """The tags of Flux's releases, drafts and pre-releases left out."""
    url = f"{github}/{FLUX}"
    token = os.environ.get("GITHUB_TOKEN")
    # Another server's token is not for GitHub.
    is_theirs = os.environ.get("GITHUB_API_URL", github) != github
    headers = {"Authorization": f"Bearer {token}"} if token and not is_theirs else {}
    answer = web.get(url, {"Accept": "application/vnd.github+json", **headers})
    found = parsed(url, RELEASES, answer.body, is_json=True)
    return [each.tag_name.removeprefix("v") for each in found if not each.draft and not each.prerelease]


def _repositories(charts: Iterable[Chart]) -> set[str]:
    return {chart.repository for chart in charts if chart.repository and not chart.repository.startswith("oci://")}


def _no_repository(chart: Chart) -> Unknown:
    return Unknown(f"{chart.places[0].path}: no HelmRepository of its sourceRef is in k8s/")


def _index(web: Web, repository: str) -> Index:
    """A repository's index. All scalars are strings, and nothing is built but lists and mappings."""
    url = f"{repository}/index.yaml"
    body = web.get(url).body
    try:
        document: object = yaml.load(body, getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506  # strings alone
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnknownError(f"{url}: not valid YAML: {clean(error)}") from None
    return parsed(url, INDEX, document)


def _listed(index: Index, chart: Chart) -> Sequence[ChartVersion]:
    url = f"{chart.repository}/index.yaml"
    if chart.name not in index.entries:
        raise UnknownError(f"{url}: it has no chart {chart.name}")
    found = parsed(url, ENTRIES, index.entries[chart.name])
    return [ChartVersion(each.version, each.appVersion, each.kubeVersion, each.deprecated) for each in found]


def _tags(web: Web, chart: Chart) -> Sequence[ChartVersion]:
    """The tags of a chart in a registry, whose `_` is a version's `+`. Asked without credentials."""
    scheme = "http" if chart.is_insecure else "https"
    host, _, path = chart.repository.removeprefix("oci://").partition("/")
    url = f"{scheme}://{host}/v2/{f'{path}/{chart.name}'.lstrip('/')}/tags/list?n=1000"
    headers: dict[str, str] = {}
    found: list[ChartVersion] = []
    for _page in range(PAGES):
        answer = web.get(url, headers, allowed=() if headers else (401,))
        if answer.status == 401:
            headers = {"Authorization": f"Bearer {_token(web, url, challenge(answer.headers))}"}
            answer = web.get(url, headers)
        tags = parsed(url, TAGS, answer.body, is_json=True).tags or ()
        found += [ChartVersion(tag.replace("_", "+")) for tag in tags]
        following = next_link(answer.headers)
        if not following or len(found) > MOST:
            return found
        target = urljoin(url, following)
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise UnknownError(f"{url}: its next page is on another server")
        url = target
    raise UnknownError(f"{url}: more than {PAGES} pages of tags")


def _token(web: Web, url: str, asked: Mapping[str, str]) -> str:
    """A token for everybody. Raises UnknownError: the registry says of no place that gives one."""
    realm = asked.get("realm", "")
    if urlsplit(realm).scheme not in ("https", urlsplit(url).scheme):
        raise UnknownError(f"{url}: it wants credentials")
    query = "&".join(f"{key}={asked[key]}" for key in ("service", "scope") if key in asked)
    target = f"{realm}{'&' if '?' in realm else '?'}{query}"
    answer = parsed(realm, TOKEN, web.get(target).body, is_json=True)
    return answer.token or answer.access_token
