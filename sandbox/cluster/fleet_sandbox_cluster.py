"""`fleet sandbox cluster`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
import yaml

from common.console import Console, Grid, Line, Sign, give, give_json
from common.errors import CannotRunError
from common.kubernetes import objects
from common.kubernetes.api import NODE, POD, Cluster, Manifest
from common.pulumi import foreground
from fleet.options import HERE, STACK, Cwd, Json
from sandbox import files, permanent_layer, rehearsal
from sandbox.account import process
from sandbox.checkout import Checkout
from sandbox.cluster import git_host, life, programs, rehearsed_bootstrap
from sandbox.cluster import layout as layouts
from sandbox.cluster.layout import Layout
from sandbox.folder import CODE, Folder
from sandbox.options import More, Where, folder_of
from tools import build
from tools.catalogue import KUBECTL

HELP = """A real Kubernetes API server behind the embedded account's EKS.

Real: etcd, API server, controller manager, scheduler; source-, kustomize- and helm-controller as processes; git over \
TLS. Stand-ins: the AWS load balancer controller (Ingresses of class alb, Services of class service.k8s.aws/nlb), the \
EBS CSI driver's controller (PVCs; no snapshots, no resizing), the charts. Not here: the image controllers, \
containers; nodes and all other pods are kwok's."""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()

Component = Annotated[str, typer.Argument(help="A part of the cluster, as `status` lists it.")]

NO_CLUSTER = "no cluster is up: run `fleet sandbox cluster up`"

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
STOPPABLE = (*COMPONENTS, *programs.REAL, *programs.STAND_INS)


@app.command()
def up(cwd: Cwd = HERE, folder: Where = None) -> None:
    """Start the cluster of the stack that is up, or find it running."""
    checkout, found = Checkout(cwd), folder_of(cwd, folder)
    settings = rehearsal.read_settings(STACK, checkout.stack_file(STACK))
    repository = permanent_layer.read_settings(checkout.permanent_file, settings).github_repository
    life.up(found, checkout.root, settings.cluster_name, repository, _say)
    account = process.find(found)
    if account:
        rehearsed_bootstrap.push_images(account, checkout, _say)
    ports = layouts.ports(Layout.of(found))
    _say(f"the cluster {settings.cluster_name} answers at {ports.api_server}")
    _say(f"the Git host has https://{ports.git_host}/{repository}")
    _say(Line(Sign.NEXT, "fleet sandbox cluster bootstrap -- run"))


@app.command("bootstrap")
def bootstrap(more: More = None, cwd: Cwd = HERE, folder: Where = None) -> None:
    """Run `fleet bootstrap` on the cluster, as CI does: with the deploy role; -- run, plan, verify, status."""
    ready = rehearsal.prepare(folder_of(cwd, folder), Checkout(cwd), _say)
    layout, account = Layout.of(ready.folder), process.find(ready.folder)
    if account is None or life.find(layout) is None:
        raise CannotRunError(NO_CLUSTER)
    environment = rehearsed_bootstrap.environment(layout, account, ready.environment, _say)
    command = rehearsed_bootstrap.command(layout, ready.checkout, ready.folder.project, more or ())
    raise typer.Exit(foreground.run(command, environment, CODE))


@app.command()
def down(cwd: Cwd = HERE, folder: Where = None) -> None:
    """End the cluster. The Git host's repository and its port stay until `reset`."""
    there = life.down(Layout.of(folder_of(cwd, folder)), _say)
    _say("the cluster is down" if there else "no cluster was up")


@app.command()
def status(cwd: Cwd = HERE, folder: Where = None, json: Json = False) -> None:
    """Say what runs: parts, nodes and pods, and which of them are stand-ins or do nothing here."""
    layout = Layout.of(folder_of(cwd, folder))
    running = life.find(layout)
    if running is None:
        raise CannotRunError(NO_CLUSTER)
    rows = [(name, "stopped" if (layout.stopped / name).exists() else "runs", "real") for name in COMPONENTS]
    cluster = Cluster(yaml.safe_load(layout.kubeconfig.read_text()))
    of_nodes = "kwok's, of an instance of the account"
    rows += [(f"node {objects.name_of(node)}", _ready(node), of_nodes) for node in cluster.list(NODE)]
    rows += [(f"pod {objects.name_of(pod)}", _ready(pod), _what(pod)) for pod in cluster.list(POD)]
    if json:
        give_json([dict(zip(("part", "state", "what"), row, strict=True)) for row in rows])
    else:
        give(Grid(("part", "state", "what it is"), rows))


@app.command()
def logs(component: Component, cwd: Cwd = HERE, folder: Where = None) -> None:
    """Print a part's log."""
    layout = Layout.of(folder_of(cwd, folder))
    path = layout.log(component)
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in layout.logs.glob("*.log"))) or "none"
        raise CannotRunError(f"{component} has no log; known are: {known}")
    typer.echo(path.read_text(errors="replace"), nl=False)


@app.command()
def stop(component: Component, cwd: Cwd = HERE, folder: Where = None) -> None:
    """Stop a part by name, until `start`."""
    layout = _known(component, folder_of(cwd, folder))
    files.write(layout.stopped / component, "")
    _say(f"{component} is stopped")


@app.command()
def start(component: Component, cwd: Cwd = HERE, folder: Where = None) -> None:
    """Start again what was stopped by name."""
    layout = _known(component, folder_of(cwd, folder))
    (layout.stopped / component).unlink(missing_ok=True)
    _say(f"{component} is started")


@app.command()
def stick(
    component: Component,
    cwd: Cwd = HERE,
    folder: Where = None,
    off: Annotated[bool, typer.Option("--off", help="Let it delete again.")] = False,
) -> None:
    """Make a stand-in controller hang on deletion, so that finalizers stay."""
    layout = Layout.of(folder_of(cwd, folder))
    if component not in programs.STAND_INS:
        raise CannotRunError(f"{component} cannot get stuck: use one of {', '.join(programs.STAND_INS)}")
    if off:
        (layout.stuck / component).unlink(missing_ok=True)
    else:
        files.write(layout.stuck / component, "")
    _say(f"{component} {'deletes again' if off else 'hangs on deletion'}")


@app.command()
def switch(
    changes: Annotated[
        list[str],
        typer.Argument(help="NAME=VALUE: protected, bypass, plan, busy, read_only, rejected, races, latency, fault."),
    ],
    cwd: Cwd = HERE,
    folder: Where = None,
) -> None:
    """Inject faults into the Git host: protect main, refuse the token, delay answers, fail."""
    layout = Layout.of(folder_of(cwd, folder))
    pairs = [change.partition("=") for change in changes]
    try:
        now = git_host.switch(layout, {name: yaml.safe_load(value) for name, _, value in pairs})
    except KeyError as error:
        raise CannotRunError(f"the Git host has no switch {error}: see --help") from None
    _say(f"the Git host: {now}")


@app.command()
def kubectl(more: More = None, cwd: Cwd = HERE, folder: Where = None) -> None:
    """Run kubectl on the cluster, as an administrator."""
    layout = Layout.of(folder_of(cwd, folder))
    if not layout.kubeconfig.exists():
        raise CannotRunError(NO_CLUSTER)
    path = build.find(KUBECTL, _say)
    environment = {**os.environ, "KUBECONFIG": str(layout.kubeconfig)}
    raise typer.Exit(foreground.run([str(path), *(more or ())], environment, Path.cwd()))


@app.command()
def git(more: More = None, cwd: Cwd = HERE, folder: Where = None) -> None:
    """Run git with the Git host's certificate and token: git clone, push, pull."""
    layout = Layout.of(folder_of(cwd, folder))
    raise typer.Exit(foreground.run(["git", *(more or ())], git_environment(layout), Path.cwd()))


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


def _known(component: str, folder: Folder) -> Layout:
    if component not in STOPPABLE:
        raise CannotRunError(f"{component} cannot be stopped: use one of {', '.join(STOPPABLE)}")
    layout = Layout.of(folder)
    if life.find(layout) is None:
        raise CannotRunError(NO_CLUSTER)
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
    if name in programs.REAL:
        return "real, as a process"
    return "kwok's: no container runs"


def _say(line: object) -> None:
    console.print(line if isinstance(line, Line) else f"sandbox: {line}")
