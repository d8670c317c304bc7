"""`python -m bootstrap`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bootstrap import kubeconfig as kubeconfigs
from bootstrap import outputs as reading
from bootstrap import token as tokens
from bootstrap.errors import BootstrapError

HELP = """Access to the cluster of a stack that is up, with the credentials of the environment and without the aws \
binary. Both commands are safe: one prints, the other writes your kubeconfig."""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
HERE = Path(__file__).resolve().parents[1]


@app.command()
def token(
    cluster: Annotated[str, typer.Option("--cluster", help="The EKS cluster.")],
    region: Annotated[str, typer.Option("--region", help="Its AWS region.")],
) -> None:
    """Print a token for a cluster, as kubectl wants it from an exec plugin."""
    typer.echo(tokens.exec_credential(cluster, region))


@app.command()
def kubeconfig(
    outputs: Annotated[
        str | None,
        typer.Option(
            help="What `pulumi stack output --json` printed: a file, or - for standard input.",
            show_default="pulumi is asked",
        ),
    ] = None,
    stack: Annotated[str, typer.Option("--stack", help="The stack that pulumi is asked for.")] = "staging",
    cwd: Annotated[
        Path, typer.Option("--cwd", "-C", help="The folder of the Pulumi project.", show_default="this clone")
    ] = HERE,
    path: Annotated[
        Path | None,
        typer.Option("--kubeconfig", help="The file to write.", show_default="$KUBECONFIG, or ~/.kube/config"),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="The AWS profile of its tokens.", show_default="of kubectl's environment"),
    ] = None,
) -> None:
    """Put the stack's cluster into your kubeconfig, as the current context; what else is in it stays."""
    found = reading.read(outputs, stack=stack, project=cwd)
    target = path or kubeconfigs.default_path()
    kubeconfigs.merge(target, kubeconfigs.build(found, profile))
    console.print(f"wrote {target}: the context {found.cluster_name} is now the current one")


def main() -> None:
    """Run a command; what stops it is said in one line."""
    try:
        app()
    except BootstrapError as error:
        console.print(f"bootstrap: {error}")
        sys.exit(1)
