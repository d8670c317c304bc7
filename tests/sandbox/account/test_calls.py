"""The record of the calls: its own errors are not answers of AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from sandbox.account.calls import Recorder
from sandbox.account.faults import Faults

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@Request.application
def application(_request: Request) -> Response:
    return Response("the answer")


def test_a_call_whose_operation_cannot_be_named_is_answered_and_the_log_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client(Recorder(application, tmp_path / "calls.jsonl", Faults(tmp_path / "faults.json")))

    answer = client.post("/", data=b"Action=\xff", content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, answer.text) == (200, "the answer")
    assert json.loads((tmp_path / "calls.jsonl").read_text()) == {
        "service": "unsigned",
        "operation": "unknown",
        "status": 200,
    }
    assert "UnicodeDecodeError" in capsys.readouterr().err
