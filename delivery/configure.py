"""`configure`: the files of a stack, of the permanent layer and of the bootstrap, from a few answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from pydantic.alias_generators import to_camel

import infra.settings
import permanent.settings
from common.console import Sign
from common.errors import CannotRunError, FleetError
from delivery import account_questions, stack_file_edits
from delivery.questions import until_valid
from infra.config import SettingsError, file_name, parse
from infra.contract import names
from infra.stack_file import config_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from delivery.account_facts import AccountFacts
    from delivery.questions import Ask, Say
    from delivery.stack_file_edits import Document
    from infra.config import StackModel

    Values = dict[str, str | list[str]]

NO_SUBJECT = "null"
"""What gh prints of a repository that has no ids in its claim."""
STACK_KEY = f"{names.PROJECT}:"
PERMANENT_KEY = f"{names.PERMANENT_PROJECT}:"
BOOTSTRAP = "bootstrap.yaml"
PLACEHOLDERS = {
    "account_id": "123456789012",
    "github_repository": "your-org/infra-fleet",
    "cluster_admin": "platform-admin",
}
"""What the repository's own files say, and nobody's Enter stands for."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a person said, None where they said nothing."""

    account_id: str | None = None
    region: str | None = None
    github_repository: str | None = None
    cluster_admin: str | None = None
    """A role's ARN, or the name of one in the account."""
    alarm_email: str | None = None
    github_subject: str | None = None
    """How the `sub` of the repository's tokens begins, as GitHub's API says; empty or null: by its name."""
    cluster_name: str | None = None
    vpc_cidr: str | None = None
    zones: str | None = None
    """Availability zones, with commas between."""


QUESTIONS = {
    "account_id": "AWS account id",
    "region": "AWS region",
    "github_repository": "GitHub repository, <owner>/<repository>",
    "cluster_admin": "Role that administers the cluster, by name or ARN",
    "alarm_email": "E-mail address for AWS budget alerts",
}


@dataclass(frozen=True)
class Present:
    """What the files of a stack and of the permanent layer say now; an absent file says nothing."""

    stack: Mapping[str, object]
    permanent: Mapping[str, object]
    cluster: str | None
    """The cluster of the stack's file."""

    @property
    def clusters(self) -> list[str]:
        """The clusters of the permanent layer."""
        return _texts(self.permanent.get(f"{PERMANENT_KEY}clusters"))

    @property
    def admins(self) -> list[str]:
        """The cluster admins of the stack."""
        return _texts(self.stack.get(f"{STACK_KEY}clusterAdmins"))

    @property
    def zones(self) -> list[str]:
        """The zones of the stack, where its file names them."""
        return _texts(self.stack.get(f"{STACK_KEY}zones"))

    @property
    def answers(self) -> dict[str, str | None]:
        """What would have been answered for the files to be as they are."""
        asked = (question for question in QUESTIONS if question != "cluster_admin")
        found = {question: self.permanent.get(f"{PERMANENT_KEY}{to_camel(question)}") for question in asked}
        # By name: it stays good in another account.
        found["cluster_admin"] = self.admins[0].split(":role/")[-1] if self.admins else None
        return {question: None if value is None else str(value) for question, value in found.items()}

    def default(self, question: str) -> str | None:
        """What Enter stands for: what a person once answered."""
        answer = self.answers[question]
        if answer is None or answer == PLACEHOLDERS.get(question) or answer.endswith(permanent.settings.NOBODYS):
            return None
        return answer


def _texts(value: object) -> list[str]:
    """A list of texts; what is none is left to the settings' own check."""
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def run(
    root: Path,
    stack: str,
    flags: Answers,
    *,
    ask: Ask | None,
    confirm: Callable[[], bool] | None,
    say: Say,
    facts: AccountFacts,
) -> None:
    """Write the files, once they are valid, were shown, and are wanted.

    Args:
        root: the repository.
        stack: the stack's name.
        flags: answers that need no question.
        ask: puts a question; None: there is no terminal.
        confirm: asked before a file that exists is changed; None: nobody can be asked.
        say: told each line for the person.
        facts: what AWS says of the account, if there are credentials of it.

    Raises:
        FleetError: an answer is missing, or does not go with the other stacks, or the change is not wanted.
        SettingsError: the answers do not describe a stack; the message has all problems of both files.
    """
    if wrong := [line for line in (_flag_problem(flag, said) for flag, said in vars(flags).items() if said) if line]:
        raise SettingsError("\n".join(wrong))
    file, layer = root / file_name(stack), root / "permanent" / file_name(names.PERMANENT_STACK)
    there = _present(file, layer, stack)
    answers = _answered(flags, there, ask, say)
    cluster = flags.cluster_name or there.cluster or stack
    where = account_questions.Where(answers["account_id"], answers["region"])
    answers["cluster_admin"] = account_questions.admin(answers["cluster_admin"], where, facts, ask, say)
    zones = account_questions.zones(_zones(flags.zones, there, where), where, facts, ask, say)
    _check_layer(there, answers, cluster, layer.relative_to(root))
    renamed = cluster if cluster != (there.cluster or stack) else None
    values = _stack_values(there, answers, renamed, flags.vpc_cidr, zones)
    changes = (
        stack_file_edits.edit(file, _new(there.stack, values)),
        stack_file_edits.edit(
            layer, _new(there.permanent, _permanent_values(there, answers, cluster, flags.github_subject))
        ),
    )
    settings = _checked(*changes, stack)
    changes = (*changes, *_bootstrap(root / BOOTSTRAP, answers["github_repository"]))
    for line in _beside(root, file, settings):
        say(line)
    _write([change for change in changes if change.changed], root, confirm, say)
    if answers["alarm_email"].endswith(permanent.settings.NOBODYS):
        say(f"warning: {answers['alarm_email']} receives no mail: set --alarm-email to the address for budget alerts")
    say(f"{Sign.NEXT.value} make account   # checks the account, shows a dry run, then asks whether to apply it")


def _bootstrap(file: Path, repository: str) -> list[Document]:
    """The bootstrap's settings with the repository in them; none where a clone has no such file."""
    return [stack_file_edits.edit(file, {"repository": repository}, inside=None)] if file.exists() else []


def _present(file: Path, layer: Path, stack: str) -> Present:
    said = stack_file_edits.present(file)
    cluster = None
    if said is not None:
        said.setdefault(f"{STACK_KEY}region", infra.settings.Settings.model_fields["region"].default)
        cluster = str(said.get(f"{STACK_KEY}clusterName") or said.get(f"{STACK_KEY}environment") or stack)
    return Present(said or {}, stack_file_edits.present(layer) or {}, cluster)


def _problem(question: str, said: str) -> str:
    """What is wrong with an answer by itself, in the words of the config's errors; empty: nothing."""
    if not said:
        return f"{QUESTIONS[question]}: an answer is required"
    return _field_problem(permanent.settings.Settings, names.PERMANENT_STACK, question, said)


def _flag_problem(flag: str, said: str) -> str:
    """The same of a flag, which is named by its own name; empty too where only the files together can tell."""
    of_layer = _field_problem(permanent.settings.Settings, names.PERMANENT_STACK, flag, said)
    wrong = of_layer or _field_problem(infra.settings.Settings, "staging", flag, said)
    return f"--{flag.replace('_', '-')} {wrong.partition(' = ')[2]}" if wrong else ""


def _field_problem(model: type[StackModel], stack: str, field: str, said: str) -> str:
    """The line of a model about one field's value; empty: none, or the model has no such field of one text."""
    entry = model.model_fields.get(field)
    if entry is None or field == "zones" or (field, said) == ("github_subject", NO_SUBJECT):
        return ""
    key = to_camel(field)
    try:
        parse(model, {key: said}, stack)
    except SettingsError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        said = next((line for line in lines if line.startswith(f"{model.namespace}:{key} = ")), "")
        return said.removesuffix(", in quotes")  # what only a file needs
    return ""


def _answered(flags: Answers, there: Present, ask: Ask | None, say: Say) -> dict[str, str]:
    """An answer to each question.

    Raises:
        FleetError: without a terminal, flags that are missing.
    """
    found: dict[str, str] = {}
    missing: list[str] = []
    for question, text in QUESTIONS.items():
        said: str | None = getattr(flags, question)
        default = there.default(question)
        if question == "alarm_email" and default:  # asked for once
            said = said or default
        if said is None and ask:
            said = until_valid(partial(ask, text, default), partial(_problem, question), say)
        if said is None:
            missing.append(f"--{question.replace('_', '-')}")
        else:
            found[question] = said.strip()
    if missing:
        raise CannotRunError(f"no terminal to ask at, and not given: {', '.join(missing)}")
    return found


def _check_layer(there: Present, answers: Mapping[str, str], cluster: str, layer: Path) -> None:
    """There is one permanent layer, so one account and one region, in a clone. Its only stack may move both."""
    others = [other for other in there.clusters if other not in (there.cluster, cluster)]
    before = there.answers
    for question in ("account_id", "region"):
        if others and before[question] != answers[question]:
            raise CannotRunError(
                f"--{question.replace('_', '-')} {answers[question]}: {layer} is the permanent layer of "
                f"{before['account_id']} in {before['region']}, with {', '.join(others)}: use another clone for another"
            )


def _zones(flag: str | None, there: Present, where: account_questions.Where) -> account_questions.Zones:
    if there.stack.get(f"{STACK_KEY}region") in (None, where.region):
        return account_questions.Zones(flag, there.zones, is_chosen=bool(there.zones))
    return account_questions.Zones(flag, [f"{where.region}{zone[-1]}" for zone in there.zones], is_chosen=False)


def _stack_values(
    there: Present,
    answers: Mapping[str, str],
    cluster: str | None,
    vpc_cidr: str | None,
    zones: list[str],
) -> Values:
    region, admin = answers["region"], answers["cluster_admin"]
    arn = admin if admin.startswith("arn:") else names.role_arn(answers["account_id"], admin)
    values: Values = {"accountId": answers["account_id"], "region": region}
    if zones:
        values["zones"] = zones
    if cluster:
        values["clusterName"] = cluster
    if vpc_cidr:
        values["vpcCidr"] = vpc_cidr
    values["clusterAdmins"] = [arn, *(other for other in there.admins[1:] if other != arn)]
    return {f"{STACK_KEY}{key}": value for key, value in values.items()}


def _permanent_values(there: Present, answers: Mapping[str, str], cluster: str, subject: str | None) -> Values:
    clusters = [cluster if other == there.cluster else other for other in there.clusters]
    values: Values = {
        "accountId": answers["account_id"],
        "region": answers["region"],
        "githubRepository": answers["github_repository"],
        "clusters": clusters if cluster in clusters else [*clusters, cluster],
        "alarmEmail": answers["alarm_email"],
    }
    if subject and subject != NO_SUBJECT:
        values["githubSubject"] = subject
    elif there.permanent.get(f"{PERMANENT_KEY}githubRepository") != answers["github_repository"]:
        values["githubSubject"] = f"repo:{answers['github_repository']}"
    return {f"{PERMANENT_KEY}{key}": value for key, value in values.items()}


def _new(there: Mapping[str, object], values: Values) -> Values:
    """The values that are not there already. YAML without quotes has an account's id as a number."""
    return {
        key: value
        for key, value in values.items()
        if key not in there or (str(there[key]) if isinstance(value, str) else there[key]) != value
    }


def _checked(file: Document, layer: Document, stack: str) -> infra.settings.Settings:
    """The stack's settings, once both files are good."""
    problems: list[str] = []
    try:
        permanent.settings.parse_file(layer.config)
    except SettingsError as error:
        problems.append(str(error))
    try:
        settings = infra.settings.parse_file(file.config, stack)
    except SettingsError as error:
        raise SettingsError("\n".join([str(error), *problems])) from None
    if problems:
        raise SettingsError(*problems)
    return settings


def _beside(root: Path, file: Path, settings: infra.settings.Settings) -> Iterator[str]:
    """A warning for each stack whose network cannot be joined with this one's.

    Raises:
        FleetError: another stack has the cluster.
    """
    for other in sorted(root.glob(file_name("*"))):
        if other == file:
            continue
        beside = infra.settings.parse_file(config_of(other), other.name.split(".")[1])
        if beside.cluster_name == settings.cluster_name:
            raise CannotRunError(f"--cluster-name {settings.cluster_name}: it is the cluster of {other.name}")
        if beside.vpc_cidr.overlaps(settings.vpc_cidr):
            yield (
                f"warning: vpcCidr {settings.vpc_cidr} overlaps {beside.vpc_cidr} of {other.name}: the two can "
                "never be joined; --vpc-cidr sets another"
            )


def _write(changes: Sequence[Document], root: Path, confirm: Callable[[], bool] | None, say: Say) -> None:
    if not changes:
        say("nothing to change")
        return
    for change in changes:
        for line in change.diff(root).splitlines():
            say(line)
    if any(change.before is not None for change in changes):
        if confirm is None:
            raise CannotRunError(
                "nothing was written: a file exists, and there is no terminal to ask at; --yes writes it"
            )
        if not confirm():
            raise FleetError("nothing was written")
    stack_file_edits.write(changes)
    say(f"wrote {', '.join(str(change.path.relative_to(root)) for change in changes)}")
