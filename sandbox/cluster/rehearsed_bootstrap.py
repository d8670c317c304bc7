"""`fleet bootstrap` in the sandbox: the environment, settings and credentials that make it work on its cluster."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bootstrap import flux_cli, flux_settings, release_images
from infra.contract import names
from infra.contract.versions import FLUX
from sandbox.account.clients import own_client
from sandbox.cluster import bases, repository
from sandbox.cluster import layout as layouts
from tools import build
from tools.catalogue import FLUX_BOOTSTRAP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.account.process import Account
    from sandbox.checkout import Checkout
    from sandbox.cluster.layout import Layout
    from tools.build import Say

EXPECTATIONS = Path(__file__).with_name("expectations.yaml")
BASES_VARIABLE = "FLUX_BOOTSTRAP_MANIFESTS"
SESSION = "sandbox"
HOUR = 3600
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
"""The digest of `{}`, OCI's empty descriptor."""

LOOKING = ("plan", "run", "verify", "status", "configmap")


def settings_file(layout: Layout, checkout: Checkout) -> Path:
    """The settings of a checkout, for the sandbox's Git host."""
    settings: dict[str, Any] = yaml.safe_load(checkout.bootstrap_file.read_text())
    here = {"hostname": layouts.ports(layout).git_host, "caFile": str(layout.authority)}
    path = layout.root / flux_settings.FILE
    path.write_text(yaml.safe_dump({**settings, **here}))
    return path


def environment(layout: Layout, account: Account, base: Mapping[str, str], say: Say) -> dict[str, str]:
    """What makes the bootstrap work here: the deploy role's credentials, the Git host's token, and a flux CLI."""
    return {
        **base,
        **deploy_credentials(account),
        **cli(say),
        "FLUX_GITHUB_TOKEN": repository.token(layout),
    }


def deploy_credentials(account: Account, role: str = names.DEPLOY_ROLE) -> dict[str, str]:
    """A session of the role that CI bootstraps with."""
    sts = own_client("sts", endpoint=account.endpoint, region=account.region)
    arn = names.role_arn(account.account_id, role)
    found = sts.assume_role(RoleArn=arn, RoleSessionName=SESSION, DurationSeconds=HOUR)["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


def cli(say: Say) -> dict[str, str]:
    """The flux CLI: one on PATH that is of the pinned version, else what stands for it."""
    real = shutil.which("flux")
    if real:
        done = subprocess.run([real, "version", "--client"], capture_output=True, text=True, check=False)  # noqa: S603
        if re.search(rf"v{re.escape(FLUX)}\b", done.stdout):
            return {flux_cli.SANDBOX_CLI: real}
    tool = build.ensure(FLUX_BOOTSTRAP, say)
    return {flux_cli.SANDBOX_CLI: str(tool), BASES_VARIABLE: str(bases.assemble(say))}


def command(layout: Layout, checkout: Checkout, project: Path, arguments: Sequence[str]) -> list[str]:
    """`fleet bootstrap ARGUMENTS`, with the sandbox's settings where the command takes them."""
    given = list(arguments) or ["--help"]
    name = given[0]
    added: list[str] = []
    if name in LOOKING:
        added.append(f"--cwd={project}")
    if name in ("plan", "run", "verify", "status"):
        added.append(f"--expect={EXPECTATIONS}")
    if name in ("plan", "run", "verify", "status", "render"):
        added.append(f"--settings={settings_file(layout, checkout)}")
    return [sys.executable, "-m", "fleet", "bootstrap", name, *added, *given[1:]]


def push_images(account: Account, checkout: Checkout, say: Say) -> None:
    """Put the tags that stand in k8s/ into the account's ECR, as the release workflow would have."""
    ecr = own_client("ecr", endpoint=account.endpoint, region=account.region)
    for image in release_images.named(checkout.manifests):
        if ecr.list_images(repositoryName=image.repository)["imageIds"]:
            continue
        put_image(ecr, image.repository, image.tag)
        say(f"an empty image stands for the release {image.repository}:{image.tag} in the account's ECR")


def put_image(ecr: Any, repository: str, tag: str) -> None:
    """Put an empty image into a repository of ECR under a tag. Raises botocore's ClientError."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY, "size": 2}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": empty, "layers": [empty]}
    ecr.put_image(
        repositoryName=repository,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=MANIFEST_TYPE,
        imageTag=tag,
    )
