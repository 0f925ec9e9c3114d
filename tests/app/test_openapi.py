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
from sqlalchemy import update

from app.accounts import services as accounts
from app.accounts.models import User
from app.activities import services
from app.clock import today
from app.db import transaction
from app.workbench.kinds import BY_NAME
from tests.app.conftest import PASSWORD, ZONE

SOME = {
    database_kind: settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for database_kind, examples in {"sqlite": 24, "postgresql": 8}.items()
}
"""What is read and how it is refused is the same for both; only what passes that reaches a database."""
FOR_OPERATORS = {"Operations", "Alerts", "Events"}
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


@pytest.fixture
def operators(app: Flask) -> str:
    """The token of Olga, who may see and steer everybody's jobs."""
    with app.app_context():
        olga_id = accounts.create_user(email="olga@example.org", password=PASSWORD, name="Olga")
        with transaction() as session:
            session.execute(update(User).where(User.id == olga_id).values(is_admin=True))
        return accounts.make_token(olga_id, name="test", scopes=["jobs"])


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    """The document, every reference in it followed."""
    told: dict[str, Any] = app.test_client().get("/api/openapi.json").json or {}

    def followed(value: Any) -> Any:
        if isinstance(value, list):
            return [followed(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            found = told
            for name in value["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            return followed(found)
        return {name: followed(one) for name, one in value.items()}

    whole: dict[str, Any] = followed(told)
    return whole


def test_every_body_and_every_answer_says_what_is_in_it(document: dict[str, Any]) -> None:
    bare = []
    for path, operations in document["paths"].items():
        for method, told in operations.items():
            said = told.get("responses", {}) if isinstance(told, dict) else {}
            bodies = {"body": told["requestBody"]} if "requestBody" in told else {}
            for name, one in {**said, **bodies}.items():
                is_empty = name in {"204", "304"} or "content" not in one
                schemas = [content.get("schema", {}) for content in one.get("content", {}).values()]
                if (is_empty and name == "207") or (not is_empty and {"type": "object"} in schemas):
                    bare.append(f"{method} {path} {name}")
    assert bare == []


def test_what_starts_a_kind_tells_of_its_arguments(document: dict[str, Any]) -> None:
    def body(path: str) -> dict[str, Any]:
        found: dict[str, Any] = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        return found

    usual = BY_NAME["chord"].usual()
    assert body("/api/chord-tasks/")["properties"] == {
        "data": {"type": "array", "items": {"type": "number"}, "default": usual["data"]},
        "chunk_size": {"type": "integer", "default": usual["chunk_size"]},
    }
    paths = ["chain-tasks", "group-tasks", "long-task", "retry-task", "create-users", "simple-task"]
    assert [sorted(body(f"/api/{path}/")["properties"]) for path in paths] == [
        ["fail_at", "value"],
        ["numbers"],
        ["step_ms", "total_steps"],
        ["fail_probability"],
        ["count", "prefix"],
        ["operation", "x", "y"],
    ]
    assert all("required" not in body(f"/api/{path}/") for path in paths)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_makes_the_api_fail(
    app: Flask, token: str, operators: str, mode: GenerationMode, database_kind: str
) -> None:
    tried = 0
    for found in schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations():
        operation = found.ok()
        held = operators if FOR_OPERATORS & {*operation.definition.raw["tags"]} else token
        # Health that is bad is said with a 503, and described so; any other failure is not described anywhere.
        told = "503" in operation.definition.raw["responses"]
        checks = CHECKS if told else [not_a_server_error, *CHECKS]

        @given(case=operation.as_strategy(generation_mode=mode))
        @SOME[database_kind]
        def check(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers={"Authorization": f"Bearer {held}"}, checks=checks)  # noqa: B023

        check()
    assert tried > 100
