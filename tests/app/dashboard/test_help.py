"""The page of help, and where the foot of every page leads."""

from flask import Flask
from sqlalchemy import update

from app.accounts.models import User
from app.db import transaction
from tests.app.conftest import Browser


def test_the_keys_of_operations_are_told_to_whoever_may_see_it(app: Flask, ada: Browser, cleo: Browser) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == "Ada").values(is_admin=True))
    told = [one.get("/help").text.count("On the pages of operations") for one in (ada, cleo)]
    assert told == [1, 0]


def test_help_and_what_the_foot_of_every_page_leads_to_is_there(stranger: Browser) -> None:
    page = stranger.get("/help")
    assert (page.status_code, "How calories are worked out" in page.text, 'href="/help"' in page.text) == (
        200,
        True,
        True,
    )
    answer = stranger.post("/settings/theme", {"theme": "dark", "next": "/help"})
    assert (answer.status_code, answer.location) == (303, "/help")
    assert 'data-theme="dark"' in stranger.get("/help").text
