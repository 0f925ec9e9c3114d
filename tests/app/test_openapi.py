"""The API against its own document: whatever is sent, no answer is a failure of ours, and each is as described."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from app.accounts import services as accounts
from app.activities import services
from app.clock import today
from tests.app.conftest import PASSWORD, ZONE

SOME = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    response_schema_conformance,
    content_type_conformance,
    status_code_conformance,
    unsupported_method,
]


@pytest.fixture
def token(app: Flask) -> str:
    """Ada's, who has some activities."""
    with app.app_context():
        ada_id = accounts.create_user(email="ada@example.org", password=PASSWORD, name="Ada")
        accounts.record_weight(ada_id, weight_kg=Decimal(70), on_day=today(ZONE).replace(year=2001))
        services.fill_demo(ada_id, 5)
        return accounts.make_token(ada_id, name="test", scopes=["read", "write"])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_makes_the_api_fail(app: Flask, token: str, mode: GenerationMode) -> None:
    tried = 0
    for found in schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations():
        operation = found.ok()
        # Health that is bad is said with a 503, and described so; any other failure is not described anywhere.
        told = "503" in operation.definition.raw["responses"]
        checks = CHECKS if told else [not_a_server_error, *CHECKS]

        @given(case=operation.as_strategy(generation_mode=mode))
        @SOME
        def check(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=checks)  # noqa: B023

        check()
    assert tried > 100
