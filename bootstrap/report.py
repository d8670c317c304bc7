"""What a run comes to, for a person, for a job's summary and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from common import summary, world
from common.console import Line, Sign, of_steps
from common.kubernetes.objects import mappings, text
from common.text import LINE, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.snapshot import Snapshot
    from bootstrap.verify import Verdict
    from common.console import Grid, StepResult

NEXT = (
    "flux get all --all-namespaces",
    "fleet bootstrap status",
    "kubectl -n observability port-forward svc/kube-prometheus-stack-grafana 3000:80",
)
"""Where to look next."""

NEXT_IN_SANDBOX = (
    "fleet sandbox cluster bootstrap -- status",
    "fleet sandbox cluster kubectl -- get pods --all-namespaces",
    "fleet sandbox teardown -- run",
)
"""Where to look next in the rehearsal: a kubectl of one's own would ask another cluster."""


def next_steps() -> list[Line]:
    """What a person can do once all is well, a line each."""
    return [Line(Sign.NEXT, command) for command in (NEXT_IN_SANDBOX if world.in_sandbox() else NEXT)]


@dataclass(frozen=True)
class Report:
    """A run, or a look at a cluster."""

    title: str
    good: bool
    steps: Sequence[StepResult] = ()
    failure: str = ""
    checks: Sequence[dict[str, Any]] = ()
    first: dict[str, str] | None = None
    """The first cause: object, message, case and advice."""
    others: int = 0
    """How many more are not ready, most of which follow from the first."""
    urls: Sequence[str] = field(default_factory=tuple[str, ...])

    @property
    def document(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def to_markdown(self) -> str:
        """For a job's summary."""
        lines = [f"## {Sign.of(self.good).value} {markdown(self.title)}", ""]
        if self.failure:
            lines += [markdown(self.failure, LINE), ""]
        if self.first:
            lines += [f"First cause: {markdown(self.first['object'])}: {markdown(self.first['message'], LINE)}", ""]
            lines += [f"{Sign.NEXT.value} {markdown(self.first['advice'], LINE)}", ""]
        steps = of_steps(self.steps)
        lines += summary.table(steps.head, steps.rows)
        lines += [
            f"- {_sign(check).value} {markdown(check['title'])}: {markdown(check['detail'], LINE)}"
            for check in self.checks
        ]
        lines += ["", *summary.bullets("Applications:", self.urls)]
        return "\n".join(lines).rstrip() + "\n"

    def lines(self) -> list[str | Line | Grid]:
        """For a terminal: the cause first."""
        lines: list[str | Line | Grid] = []
        if self.first:
            lines += [f"first cause: {self.first['object']}: {self.first['message']}"]
            lines += [Line(Sign.NEXT, self.first["advice"])]
            lines += [f"{self.others} more objects are not ready, most because of this"] if self.others else []
        lines += [Line(_sign(check), f"{check['title']}: {check['detail']}") for check in self.checks]
        return [*lines, of_steps(self.steps)] if self.steps else lines


def _sign(check: dict[str, Any]) -> Sign:
    """Nothing is ticked that was not looked at."""
    return Sign.SKIPPED if check.get("skipped") else Sign.of(check["done"])


def of_verdict(title: str, verdict: Verdict, snapshot: Snapshot, **more: Any) -> Report:
    """The report of a look at a cluster."""
    first = verdict.first
    return Report(
        title=title,
        good=verdict.good,
        checks=[asdict(check) for check in verdict.checks],
        first=first
        and {"object": str(first.key), "message": first.message, "case": first.case, "advice": first.advice},
        others=max(len(verdict.problems) - 1, 0),
        urls=urls(snapshot),
        **more,
    )


def urls(snapshot: Snapshot) -> list[str]:
    """Where applications are reached: plain HTTP, as their Ingresses have it."""
    return [
        f"http://{text(each, 'hostname') or text(each, 'ip')}/"
        for ingress in snapshot.of("Ingress")
        for each in mappings(ingress, "status", "loadBalancer", "ingress")
    ]


def write_summary(report: Report) -> None:
    """Append to the job's summary, where there is one."""
    summary.write(report.to_markdown())
