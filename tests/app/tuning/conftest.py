"""Ada runs this place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.accounts.models import User
from app.accounts.services import make_token
from app.db import transaction
from tests.app.conftest import Browser


@pytest.fixture
def ada(app: Flask, ada: Browser) -> Browser:
    """Ada, an admin."""
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == "Ada").values(is_admin=True))
    return ada


@pytest.fixture
def as_program(app: Flask, ada: Browser) -> Callable[..., dict[str, str]]:
    """The headers of a program of Ada's, with a token of these scopes."""

    def headers(*scopes: str) -> dict[str, str]:
        with app.app_context():
            token = make_token(1, name="script", scopes=scopes or ("admin",))
        return {"Authorization": f"Bearer {token}"}

    return headers


@pytest.fixture
def program(app: Flask) -> FlaskClient:
    """What sends requests without cookies."""
    return app.test_client()
