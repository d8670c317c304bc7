"""KMS as AWS does it, where the keys of this project meet moto's differences (each method names one).

Source of the AWS side: KMS API reference, the operation of the same name; KMS developer guide, "Key states of AWS KMS
keys".
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms import urls
from moto.kms.exceptions import ValidationException
from moto.kms.models import Key, KmsBackend, kms_backends
from moto.kms.responses import KmsResponse

ROTATION_PERIOD = 365
ROTATION_PERIODS = range(90, 2561)
DELETION_WINDOWS = range(7, 31)
"""Days."""


class Kms(KmsBackend):
    """The KMS of one account and region."""

    @property
    def _url_module(self) -> Any:
        return urls

    def __init__(self, region_name: str, account_id: str | None = None) -> None:
        super().__init__(region_name, account_id)
        self.rotation_periods: dict[str, int] = {}

    def schedule_key_deletion(self, key_id: str, pending_window_in_days: int) -> float:
        """Once, in 7 to 30 days (moto answers nothing to other numbers)."""
        refuse_outside("pendingWindowInDays", pending_window_in_days, DELETION_WINDOWS)
        key_id = self.get_key_id(key_id)
        refuse_unusable(self.keys[key_id], "PendingDeletion")
        return super().schedule_key_deletion(key_id, pending_window_in_days)

    def encrypt(self, key_id: str, plaintext: bytes, encryption_context: dict[str, str]) -> tuple[bytes, str]:
        """With a key that is enabled (moto: with any); data keys are made with this too."""
        refuse_unusable(self.describe_key(key_id), "PendingDeletion", "Disabled")
        return super().encrypt(key_id, plaintext, encryption_context)

    def decrypt(
        self, ciphertext_blob: bytes, encryption_context: dict[str, str], key_id: str | None = None
    ) -> tuple[bytes, str]:
        """With a key that is enabled (moto: with any)."""
        plaintext, arn = super().decrypt(ciphertext_blob, encryption_context, key_id)
        refuse_unusable(self.describe_key(arn), "PendingDeletion", "Disabled")
        return plaintext, arn


class Response(KmsResponse):
    """The HTTP side, for members that moto leaves out."""

    @property
    def kms_backend(self) -> Any:
        """KMS of the account and region that the call is for."""
        return kms_backends[self.current_account][self.region]

    def enable_key_rotation(self) -> str:
        """In a period of 90 to 2560 days, a year by default."""
        period = self._get_param("RotationPeriodInDays", ROTATION_PERIOD)
        refuse_outside("rotationPeriodInDays", period, ROTATION_PERIODS)
        answer = super().enable_key_rotation()
        self.kms_backend.rotation_periods[self._key_id()] = period
        return answer

    def get_key_rotation_status(self) -> str:
        """With the period of a key that is rotated."""
        status = json.loads(super().get_key_rotation_status()) | {"KeyId": self._key_id()}
        if status["KeyRotationEnabled"]:
            status["RotationPeriodInDays"] = self.kms_backend.rotation_periods.get(self._key_id(), ROTATION_PERIOD)
        return json.dumps(status)

    def schedule_key_deletion(self) -> str:
        """With the key's ARN, its state and the window."""
        window = self._get_param("PendingWindowInDays", DELETION_WINDOWS[-1])
        told = {"KeyState": "PendingDeletion", "PendingWindowInDays": window}
        answer = json.loads(super().schedule_key_deletion())
        return json.dumps(answer | told | {"KeyId": self.kms_backend.describe_key(self._key_id()).arn})

    def _key_id(self) -> str:
        return self.kms_backend.get_key_id(self._get_param("KeyId"))


def refuse_unusable(key: Key, *states: str) -> None:
    """KMSInvalidStateException for a key pending deletion, DisabledException for a disabled one, if among `states`."""
    if key.key_state not in states:
        return
    if key.key_state == "Disabled":
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
    raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")


def refuse_outside(member: str, days: int, allowed: range) -> None:
    """ValidationException for a number of days that is not allowed."""
    if days not in allowed:
        raise ValidationException(
            f"1 validation error detected: Value '{days}' at '{member}' failed to satisfy constraint: "
            f"Member must be between {allowed[0]} and {allowed[-1]}"
        )


def install() -> None:
    """Make moto build `Kms` wherever it builds a KMS backend, and send all requests to `Response`."""
    kms_backends.backend = Kms
    paths: Any = urls.url_paths
    paths["{0}/$"] = Response.dispatch
