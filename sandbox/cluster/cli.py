"""`python -m sandbox cluster`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console

from bootstrap import objects
from bootstrap.kubernetes import NODE, POD, Cluster, Manifest
from sandbox import files
from sandbox.account import process
from sandbox.cluster import bootstrapping, git_host, life, programs
from sandbox.cluster import layout as layouts
from sandbox.cluster.layout import Layout
from sandbox.engine import run
from sandbox.errors import SandboxError
from sandbox.folder import REPOSITORY, Folder
from tools import build
from tools.catalogue import KUBECTL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.rehearsal import Rehearsal

HELP = """A real Kubernetes API server behind the embedded account's EKS.

Real: etcd, API server, controller manager, scheduler; source-controller and kustomize-controller as processes; helm; \
git over TLS. Stand-ins: helm-controller (it makes HelmCharts, runs the real helm and writes the conditions; it does \
no drift detection, tests, post-renderers, OCI charts or chartRef, and no rollback beyond the last release), the \
AWS load balancer controller (Ingresses of class alb, Services of class service.k8s.aws/nlb), the EBS CSI driver's \
controller (PVCs; no snapshots, no resizing), the charts. Not here: \
the image controllers, containers; nodes and all other pods are kwok's."""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

Where = Annotated[Path, typer.Option("--folder", help="The sandbox folder.", show_default=".sandbox in the clone")]
HERE = REPOSITORY / ".sandbox"
Component = Annotated[str, typer.Argument(help="A part of the cluster, as `status` lists it.")]
More = Annotated[list[str] | None, typer.Argument(help="Arguments, after --.", metavar="[-- ARGS...]")]

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
STOPPABLE = (*COMPONENTS, "source-controller", "kustomize-controller", *programs.STAND_INS)


@dataclass(frozen=True)
class Target:
    """What `up` needs to know of the stack."""

    cluster: str
    repository: str


def register(parent: typer.Typer, target: Callable[[], Target], prepare: Callable[[Path], Rehearsal]) -> None:
    """Add the commands to the sandbox's.

    Args:
        parent: the sandbox's.
        target: reads the config of the stack that is rehearsed.
        prepare: makes a folder's account and engine ready.
    """

    @app.command()
    def up(folder: Where = HERE) -> None:
        """Start the cluster of the stack that is up, or find it running."""
        wanted = target()
        found = Folder(folder.resolve())
        life.up(found, wanted.cluster, wanted.repository, _say)
        account = process.find(found)
        if account:
            bootstrapping.push_images(account, _say)
        ports = layouts.ports(Layout.of(found))
        _say(f"the cluster {wanted.cluster} answers at {ports.api_server}")
        _say(f"the Git host has https://{ports.git_host}/{wanted.repository}")

    @app.command("bootstrap")
    def bootstrap(more: More = None, folder: Where = HERE) -> None:
        """Run `python -m bootstrap` on the cluster, as CI does: with the deploy role; -- run, plan, verify, status."""
        ready = prepare(folder)
        layout, account = Layout.of(ready.folder), process.find(ready.folder)
        if account is None or life.find(layout) is None:
            raise SandboxError("no cluster is up: run `python -m sandbox cluster up`")
        environment = bootstrapping.environment(layout, account, ready.environment, _say)
        command = bootstrapping.command(layout, ready.folder.project, more or ())
        raise typer.Exit(run.run(command, environment, REPOSITORY))

    parent.add_typer(app, name="cluster")


@app.command()
def down(folder: Where = HERE) -> None:
    """End the cluster. The Git host's repository and its port stay until `reset`."""
    there = life.down(Layout.of(Folder(folder.resolve())), _say)
    _say("the cluster is down" if there else "no cluster was up")


@app.command()
def status(folder: Where = HERE) -> None:
    """Say what runs: parts, nodes and pods, and which of them are stand-ins or do nothing here."""
    layout = Layout.of(Folder(folder.resolve()))
    running = life.find(layout)
    if running is None:
        raise SandboxError("no cluster is up: run `python -m sandbox cluster up`")
    rows = [(name, "stopped" if (layout.stopped / name).exists() else "runs", "real") for name in COMPONENTS]
    cluster = Cluster(yaml.safe_load(layout.kubeconfig.read_text()))
    of_nodes = "kwok's, of an instance of the account"
    rows += [(f"node {objects.name_of(node)}", _ready(node), of_nodes) for node in cluster.list(NODE)]
    rows += [(f"pod {objects.name_of(pod)}", _ready(pod), _what(pod)) for pod in cluster.list(POD)]
    width = max(len(part) for part, *_ in rows)
    for part, state, what in rows:
        typer.echo(f"{part:<{width}}  {state:<9}  {what}")


@app.command()
def logs(component: Component, folder: Where = HERE) -> None:
    """Print a part's log."""
    layout = Layout.of(Folder(folder.resolve()))
    path = layout.log(component)
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in layout.logs.glob("*.log"))) or "none"
        raise SandboxError(f"{component} has no log; those that there are: {known}")
    typer.echo(path.read_text(errors="replace"), nl=False)


@app.command()
def stop(component: Component, folder: Where = HERE) -> None:
    """Stop a part by name, until `start`."""
    layout = _known(component, folder)
    files.write(layout.stopped / component, "")
    _say(f"{component} is stopped")


@app.command()
def start(component: Component, folder: Where = HERE) -> None:
    """Start again what was stopped by name."""
    layout = _known(component, folder)
    (layout.stopped / component).unlink(missing_ok=True)
    _say(f"{component} is started")


@app.command()
def stick(
    component: Component,
    folder: Where = HERE,
    off: Annotated[bool, typer.Option("--off", help="Let it work again.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Let a stand-in take nothing down: it runs, and its finalizers stay."""
    layout = Layout.of(Folder(folder.resolve()))
    if component not in programs.STICKY:
        raise SandboxError(f"{component} cannot get stuck: name one of {', '.join(programs.STICKY)}")
    if off:
        (layout.stuck / component).unlink(missing_ok=True)
    else:
        files.write(layout.stuck / component, "")
    _say(f"{component} {'works again' if off else 'takes nothing down'}")


@app.command()
def switch(
    changes: Annotated[
        list[str], typer.Argument(help="NAME=VALUE: protected, read_only, rejected, races, latency, fault.")
    ],
    folder: Where = HERE,
) -> None:
    """Make the Git host do something wrong: protect main, refuse the token, be slow, fail."""
    layout = Layout.of(Folder(folder.resolve()))
    pairs = [change.partition("=") for change in changes]
    try:
        now = git_host.switch(layout, {name: yaml.safe_load(value) for name, _, value in pairs})
    except KeyError as error:
        raise SandboxError(f"the Git host has no switch {error}: see --help") from None
    _say(f"the Git host: {now}")


@app.command()
def kubectl(more: More = None, folder: Where = HERE) -> None:
    """Run kubectl on the cluster, as an administrator."""
    layout = Layout.of(Folder(folder.resolve()))
    if not layout.kubeconfig.exists():
        raise SandboxError("no cluster is up: run `python -m sandbox cluster up`")
    path = build.find(KUBECTL, _say)
    environment = {**os.environ, "KUBECONFIG": str(layout.kubeconfig)}
    raise typer.Exit(run.run([str(path), *(more or ())], environment, Path.cwd()))


@app.command()
def git(more: More = None, folder: Where = HERE) -> None:
    """Run git with the Git host's certificate and token: git clone, push, pull."""
    layout = Layout.of(Folder(folder.resolve()))
    raise typer.Exit(run.run(["git", *(more or ())], git_environment(layout), Path.cwd()))


def git_environment(layout: Layout) -> dict[str, str]:
    """The user's, with what makes git trust and enter the Git host; the token is in no argument."""
    host = f"https://{layouts.ports(layout).git_host}/"
    helper = f"!f() {{ echo username=git; printf password=; cat '{layout.token_file}'; echo; }}; f"
    settings = {f"http.{host}.sslCAInfo": str(layout.authority), f"credential.{host}.helper": helper}
    # Git's own variable for a CA would go before the setting.
    environment = {name: value for name, value in os.environ.items() if name != "GIT_SSL_CAINFO"}
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**environment, "GIT_CONFIG_COUNT": str(len(settings)), "GIT_TERMINAL_PROMPT": "0"}


def _known(component: str, folder: Path) -> Layout:
    if component not in STOPPABLE:
        raise SandboxError(f"{component} is no part that can be stopped: name one of {', '.join(STOPPABLE)}")
    layout = Layout.of(Folder(folder.resolve()))
    if life.find(layout) is None:
        raise SandboxError("no cluster is up: run `python -m sandbox cluster up`")
    return layout


def _ready(thing: Manifest) -> str:
    return "ready" if objects.is_ready(thing) else "not ready"


def _what(pod: Manifest) -> str:
    image = objects.text(objects.mappings(pod, "spec", "containers")[0], "image")
    name = image.rpartition("/")[2].partition(":")[0]
    if name in programs.NOT_HERE:
        return "not running here: it has no stand-in"
    if name in programs.STAND_INS:
        return "a stand-in, as a process"
    if name in ("source-controller", "kustomize-controller"):
        return "real, as a process"
    return "kwok's: no container runs"


def _say(line: str) -> None:
    console.print(f"sandbox: {line}")
