"""Sandbox folders for tests, driven by the commands that people type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from infra.contract import names
from sandbox import rehearsal
from sandbox.account import census, process
from sandbox.account.clients import client, own_client
from sandbox.checkout import Checkout
from sandbox.engine.pulumi import ENGINE_VARIABLE
from sandbox.folder import Folder
from tests.support.checkout import REPOSITORY
from tools import build

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHANGED = {"create", "update", "delete", "replace", "create-replacement", "delete-replaced"}


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed: stdout and stderr apart."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it, for assertion messages."""
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def errors(self) -> set[str]:
        """The engine's error lines, those apart that only say that there were others."""
        lines = {line.strip() for line in self.out.splitlines()}
        echoes = ("error: preview failed", "error: update failed", "error: Resource monitor has terminated")
        return {line for line in lines if line.startswith("error: ") and not line.startswith(echoes)}


@dataclass(frozen=True)
class Sandbox:
    """A sandbox folder with one stack's config, and what is put before each of its commands."""

    folder: Folder
    stack: str = "staging"
    prefix: Sequence[str] = ()

    @property
    def engine(self) -> dict[str, str]:
        """The built engine, from the machine's cache even where a test moves HOME."""
        return {"XDG_CACHE_HOME": str(build.cache().parent.parent), ENGINE_VARIABLE: "built"}

    @property
    def stack_file(self) -> Path:
        """The stack's config."""
        return self.folder.root.parent / f"Pulumi.{self.stack}.yaml"

    @property
    def account_file(self) -> Path:
        """The permanent layer's config."""
        return self.folder.root.parent / "Pulumi.account.yaml"

    def configure(self, **changes: object) -> None:
        """Write the production config of staging with some keys changed; None takes one out.

        The permanent layer's config follows with account, region and the cluster, which is added to those that it has.
        """
        document = yaml.safe_load((REPOSITORY / "Pulumi.staging.yaml").read_text())
        for key, value in changes.items():
            document["config"][f"infra-fleet:{key}"] = value
        document["config"] = {key: value for key, value in document["config"].items() if value is not None}
        self.stack_file.write_text(yaml.safe_dump(document))
        self._configure_permanent(document["config"])

    def _configure_permanent(self, config: dict[str, Any]) -> None:
        source = self.account_file if self.account_file.exists() else Checkout(REPOSITORY).permanent_file
        document = yaml.safe_load(source.read_text())
        keys = {key: f"{names.PERMANENT_PROJECT}:{key}" for key in ("accountId", "region", "clusters")}
        document["config"][keys["accountId"]] = config.get("infra-fleet:accountId")
        document["config"][keys["region"]] = config.get("infra-fleet:region", "eu-west-2")
        cluster = config.get("infra-fleet:clusterName", self.stack)
        if cluster not in document["config"][keys["clusters"]]:
            document["config"][keys["clusters"]].append(cluster)
        self.account_file.write_text(yaml.safe_dump(document))

    def command(self, *arguments: str) -> list[str]:
        """The command line of a sandbox command; what follows `--` in it goes to pulumi."""
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        options = [f"--folder={self.folder.root}"]
        if arguments[0] != "reset":
            options += [f"--stack={self.stack}", f"--stack-file={self.stack_file}"]
            options += [f"--account-file={self.account_file}"]
        return [*self.prefix, sys.executable, "-m", "fleet", "sandbox", *arguments[:cut], *options, *arguments[cut:]]

    def prepared(self) -> rehearsal.Rehearsal:
        """What a sandbox command stands on."""
        return rehearsal.prepare(
            self.folder,
            Checkout(REPOSITORY),
            lambda _line: None,
            stack=self.stack,
            file=self.stack_file,
            permanent_file=self.account_file,
        )

    def run(self, *arguments: str, **variables: str) -> Result:
        """Run a sandbox command to its end."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=REPOSITORY,
            # A test that moves HOME must not build the engine anew.
            env={**os.environ, **self.engine, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def prepare(self, **variables: str) -> None:
        """Start and write all that a sandbox command stands on, for a quarter of what a preview takes."""
        self.succeed("exec", "--", "true", **variables)

    def succeed(self, *arguments: str, **variables: str) -> Result:
        """Run a sandbox command that must succeed."""
        done = self.run(*arguments, **variables)
        assert done.code == 0, done.text
        return done

    def steps(self, *arguments: str) -> dict[str, str]:
        """What a preview would do: label (`Subnet public-eu-west-2a`) → operation, for whatever would change."""
        digest = json.loads(self.succeed("preview", "--", "--json", *arguments).out)
        found: dict[str, str] = {}
        for step in digest["steps"]:
            kind, name = step["urn"].split("::")[-2:]
            if step["op"] in CHANGED:
                found.setdefault(f"{kind.rsplit(':', 1)[-1]} {name}", step["op"])
        return found

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return json.loads(self.succeed("outputs", "--", "--json").out)

    def resources(self) -> dict[str, dict[str, Any]]:
        """What the state lists, as its file in the bucket has it: URN → resource."""
        account = self.account
        s3 = client("s3", endpoint=account.endpoint, region=account.region)
        key = f".pulumi/stacks/{names.PROJECT}/{self.stack}.json"
        body = s3.get_object(Bucket=names.state_bucket(account.account_id, account.region), Key=key)["Body"].read()
        return {each["urn"]: each for each in json.loads(body)["checkpoint"]["latest"]["resources"]}

    @property
    def account(self) -> process.Account:
        """The account that runs."""
        found = process.find(self.folder)
        assert found is not None
        return found

    def census(self) -> dict[str, tuple[str, ...]]:
        """What the account holds."""
        return dict(census.take(self.account.endpoint, self.account.region))

    @property
    def is_built(self) -> bool:
        """Whether the stack's state has resources, or a run was killed that may have made some."""
        s3 = own_client("s3", endpoint=self.account.endpoint, region=self.account.region)
        bucket = names.state_bucket(self.account.account_id, self.account.region)
        key = f".pulumi/stacks/{names.PROJECT}/{self.stack}.json"
        if not s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"):
            return False
        document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        latest: dict[str, Any] = document["checkpoint"]["latest"] or {}
        return bool(latest.get("resources") or latest.get("pending_operations"))

    def clear(self) -> None:
        """Take down what a test left built, under the config of staging."""
        if process.find(self.folder) is not None and self.folder.permanent_stamp.exists() and self.is_built:
            self.configure()
            self.succeed("destroy", "--", "--skip-preview")

    def calls(self) -> list[tuple[str, str]]:
        """The calls that the account got so far: service and operation."""
        lines = self.folder.calls.read_text().splitlines()
        return [(call["service"], call["operation"]) for call in map(json.loads, lines)]


def new(root: Path, stack: str = "staging", **changes: object) -> Sandbox:
    """An empty sandbox folder under `root`, with the config of staging and some changes."""
    made = Sandbox(Folder(root / "sandbox"), stack)
    made.configure(**changes)
    return made
