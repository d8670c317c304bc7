"""Applies the permanent layer, whose state lies in a bucket that it makes itself.

The first state is a folder next to the project. Once the bucket is there, the state moves into it. Each step can be
repeated: a run that was killed is taken up by the next one.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import Aws, answered
from common.errors import FleetError
from common.pulumi.runner import BACKEND_VARIABLE, Stack
from common.target import prove_account
from infra.contract import names
from permanent import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from permanent.settings import Settings

FIRST_STATE = ".first-state"
"""The folder of the state until the bucket is there, in the project's folder."""


@dataclass(frozen=True)
class Layer:
    """The permanent layer of one account: its project's folder and settings."""

    project: Path
    settings: Settings

    @property
    def bucket(self) -> str:
        """The bucket of the state."""
        return names.state_bucket(self.settings.account_id, self.settings.region)

    @property
    def in_bucket(self) -> Stack:
        """The stack where its state belongs."""
        return self._stack(names.state_backend(self.settings.account_id, self.settings.region))

    @property
    def first(self) -> Stack:
        """The stack on the first state."""
        return self._stack((self.project / FIRST_STATE).resolve().as_uri())

    def _stack(self, backend: str) -> Stack:
        # The first state is encrypted with an empty passphrase: no secret is in it.
        own = {name: value for name, value in os.environ.items() if name != "PULUMI_CONFIG_PASSPHRASE_FILE"}
        environment = {**own, BACKEND_VARIABLE: backend, "PULUMI_CONFIG_PASSPHRASE": ""}
        return Stack(self.project, names.PERMANENT_STACK, environment)

    @property
    def stack_file(self) -> Path:
        """The stack's config, into which pulumi writes how secrets are encrypted."""
        return self.project / f"Pulumi.{names.PERMANENT_STACK}.yaml"


def apply(layer: Layer, *, confirm: Callable[[list[str]], bool] | None, say: Callable[[str], None]) -> bool:
    """Show what would be done, and do it once `confirm` agrees; whether it was done.

    Args:
        layer: what is applied.
        confirm: asked after the dry run, with the secrets that would be generated; None: no dry run, no question.
        say: told each step.

    Raises:
        FleetError: the account is another one, or a step fails.
    """
    aws = prove_account(Aws(layer.settings.region), layer.settings.account_id, f"{names.PERMANENT_PROJECT}:accountId")
    ssm = aws.client("ssm")
    with answered():
        to_generate = parameters.missing(ssm)
        moved = _bucket_exists(aws, layer) and _holds_resources(layer.in_bucket)
    with _restored(layer.stack_file, unless=moved):
        stack = layer.in_bucket if moved else _begun(layer)
        if confirm:
            _show(stack, "preview")
            if not confirm(to_generate):
                return False
        _show(stack, "up", "--yes", "--skip-preview")
    if not moved:
        _move(layer, say)
    shutil.rmtree(layer.project / FIRST_STATE, ignore_errors=True)
    with answered():
        made = parameters.generate(ssm)
    say(f"secrets generated: {', '.join(made)}" if made else "secrets: all there, none was touched")
    return True


def public_signing_key(layer: Layer) -> str:
    """The public half of image automation's signing key. Raises FleetError."""
    with answered():
        return parameters.public_signing_key(Aws(layer.settings.region).client("ssm"))


def _show(stack: Stack, *arguments: str) -> None:
    """Run a command whose output the person sees. Raises FleetError: it fails; pulumi has said why."""
    code = stack.show(*arguments)
    if code != 0:
        raise FleetError(f"pulumi {arguments[0]} failed with exit code {code}: see above")


def _begun(layer: Layer) -> Stack:
    (layer.project / FIRST_STATE).mkdir(exist_ok=True)
    layer.first.init("passphrase")
    return layer.first


def _move(layer: Layer, say: Callable[[str], None]) -> None:
    """Move the first state into the bucket that it describes; what is there already is written again, the same."""
    exported = layer.first.export()
    if not exported:
        raise FleetError(f"{layer.project / FIRST_STATE} holds no state: nothing can be moved into {layer.bucket}")
    deployment: dict[str, Any] = json.loads(exported)
    # It names the passphrase that it was written with; no value in it is encrypted, so the stack's own key takes over.
    del deployment["deployment"]["secrets_providers"]
    file = layer.project / FIRST_STATE / "deployment.json"
    file.write_text(json.dumps(deployment), encoding="utf-8")
    say(f"the state moves into s3://{layer.bucket}")
    layer.in_bucket.init(names.secrets_provider(layer.settings.region))
    layer.in_bucket.take(file)
    if not _holds_resources(layer.in_bucket):
        raise FleetError(f"s3://{layer.bucket} does not hold the state: run it again, {FIRST_STATE} still does")


def _holds_resources(stack: Stack) -> bool:
    exported = stack.export()
    return bool(exported and json.loads(exported)["deployment"].get("resources"))


def _bucket_exists(aws: Aws, layer: Layer) -> bool:
    try:
        aws.client("s3").head_bucket(Bucket=layer.bucket, ExpectedBucketOwner=layer.settings.account_id)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 404:
            return False
        if status == 403:
            raise FleetError(
                f"s3://{layer.bucket} cannot be read: it belongs to another account, or these credentials may not"
            ) from None
        raise
    return True


@contextmanager
def _restored(path: Path, *, unless: bool) -> Generator[None]:
    """Leave a file as it was: the first state's encryption must not get into the committed config."""
    before = path.read_bytes()
    try:
        yield
    finally:
        if not unless and path.read_bytes() != before:
            path.write_bytes(before)
