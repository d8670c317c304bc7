"""Whose account a request is for: the key's owner, or else the account that the process stands for."""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

from moto.iam import models as iam
from moto.moto_server import werkzeug_app

ACCOUNT_CONSTANT = "DEFAULT_ACCOUNT_ID"


def install(account_id: str) -> None:
    """Make `account_id` the account of every key that no account has issued.

    moto's own setting, MOTO_ACCOUNT_ID, wins over the keys as well, so that an assumed role of another account would
    act in this one.
    """

    def owner_of(access_key: str) -> str:
        for owner, partitions in list(iam.iam_backends.items()):
            if any(access_key in backend.access_keys for backend in list(partitions.values())):
                return owner
        return account_id

    iam.get_account_id_from = owner_of
    setattr(iam, ACCOUNT_CONSTANT, account_id)
    setattr(werkzeug_app, ACCOUNT_CONSTANT, account_id)
