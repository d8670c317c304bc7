"""Applies the permanent layer, whose state lies in a bucket that it makes itself.

The first state is a folder beside the project. Once the bucket is there, the state moves into it. Each step can be
repeated: a run that was killed is taken up by the next one.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from infra.contract import names
from permanent import clients, parameters
from permanent.engine import Engine
from permanent.errors import PermanentError

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
    def in_bucket(self) -> Engine:
        """The engine on the state where it belongs."""
        account, region = self.settings.account_id, self.settings.region
        return Engine(self.project, names.state_backend(account, region), names.secrets_provider(region))

    @property
    def first(self) -> Engine:
        """The engine on the first state."""
        return Engine(self.project, (self.project / FIRST_STATE).resolve().as_uri(), "passphrase")

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
        PermanentError: the account is another one, or a step fails.
    """
    with _aws_errors():
        _check_account(layer.settings)
        ssm = clients.ssm(layer.settings.region)
        to_generate = parameters.missing(ssm)
        moved = _bucket_exists(layer) and _holds_resources(layer.in_bucket)
    with _restored(layer.stack_file, unless=moved):
        engine = layer.in_bucket if moved else _begun(layer)
        if confirm:
            engine.show("preview", f"--stack={names.PERMANENT_STACK}")
            if not confirm(to_generate):
                return False
        engine.show("up", "--yes", "--skip-preview", f"--stack={names.PERMANENT_STACK}")
    if not moved:
        _move(layer, say)
    shutil.rmtree(layer.project / FIRST_STATE, ignore_errors=True)
    with _aws_errors():
        made = parameters.generate(ssm)
    say(f"secrets generated: {', '.join(made)}" if made else "secrets: all there, none was touched")
    return True


def public_signing_key(layer: Layer) -> str:
    """The public half of image automation's signing key. Raises PermanentError."""
    with _aws_errors():
        return parameters.public_signing_key(clients.ssm(layer.settings.region))


def _begun(layer: Layer) -> Engine:
    (layer.project / FIRST_STATE).mkdir(exist_ok=True)
    layer.first.init()
    return layer.first


def _move(layer: Layer, say: Callable[[str], None]) -> None:
    """Move the first state into the bucket that it describes; what is there already is written again, the same."""
    deployment = layer.first.export()
    if not deployment:
        raise PermanentError(f"{layer.project / FIRST_STATE} holds no state: nothing can be moved into {layer.bucket}")
    # It names the passphrase that it was written with; no value in it is encrypted, so the stack's own key takes over.
    del deployment["deployment"]["secrets_providers"]
    file = layer.project / FIRST_STATE / "deployment.json"
    file.write_text(json.dumps(deployment), encoding="utf-8")
    say(f"the state moves into s3://{layer.bucket}")
    layer.in_bucket.init()
    layer.in_bucket.take(file)
    if not _holds_resources(layer.in_bucket):
        raise PermanentError(f"s3://{layer.bucket} does not hold the state: run it again, {FIRST_STATE} still does")


def _holds_resources(engine: Engine) -> bool:
    exported = engine.export()
    return bool(exported and exported["deployment"].get("resources"))


def _bucket_exists(layer: Layer) -> bool:
    s3 = clients.s3(layer.settings.region)
    try:
        s3.head_bucket(Bucket=layer.bucket, ExpectedBucketOwner=layer.settings.account_id)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 404:
            return False
        if status == 403:
            raise PermanentError(
                f"s3://{layer.bucket} cannot be read: it belongs to another account, or these credentials may not"
            ) from None
        raise
    return True


def _check_account(settings: Settings) -> None:
    account = clients.sts(settings.region).get_caller_identity()["Account"]
    if account != settings.account_id:
        raise PermanentError(
            f"the credentials belong to account {account}, but {names.PERMANENT_PROJECT}:accountId is "
            f"{settings.account_id}: use that account's credentials, or correct the setting"
        )


@contextmanager
def _aws_errors() -> Generator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise PermanentError(f"AWS: {error}") from None


@contextmanager
def _restored(path: Path, *, unless: bool) -> Generator[None]:
    """Leave a file as it was: the first state's encryption must not get into the committed config."""
    before = path.read_bytes()
    try:
        yield
    finally:
        if not unless and path.read_bytes() != before:
            path.write_bytes(before)
