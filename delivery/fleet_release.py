"""`fleet release`: what a release that is run again does, and which releases are scanned."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from common import summary
from common.console import give
from common.errors import CannotRunError
from common.text import LINE, markdown
from delivery import release
from fleet.options import HERE, Cwd

HELP = "Images of an application: whether a release is still to be pushed, and what is scanned each week."

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Application = Annotated[str, typer.Argument(help="The folder below applications/.")]


@app.command("needed")
def is_needed(
    application: Application,
    tag: Annotated[str, typer.Option("--tag", help="The release's tag.")],
    commit: Annotated[str, typer.Option("--commit", envvar="GITHUB_SHA", help="The commit that it is of.")],
) -> None:
    """Check whether ECR has the release: of this commit, nothing is left to push; of another, it fails."""
    region = os.environ.get("AWS_REGION")
    if not region:
        raise CannotRunError("AWS_REGION is not set: set it to the registry's region")
    needed, why = release.is_needed(application, tag, commit, release.find(region, application, tag))
    give(why)
    summary.write(markdown(why, LINE))
    summary.outputs(needed="true" if needed else "false")


@app.command("refs")
def list_refs(application: Application, cwd: Cwd = HERE) -> None:
    """List the Git refs whose image is built and scanned each week: main, and the release that Git deploys."""
    refs = release.refs(cwd, application)
    give(*refs)
    summary.outputs(refs=json.dumps(refs))
