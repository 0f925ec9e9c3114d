"""The page of help, and where the foot of every page leads."""

from dataclasses import replace
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.models import User
from app.db import transaction
from tests.app.conftest import Browser, text_of


@pytest.mark.parametrize(
    ("met_running", "met", "energy", "first"),
    [("9.0", "9.0", "315", "Running 9.0 Cycling 8.0"), ("7.25", "7.25", "253.8", "Cycling 8.0 Running 7.25")],
)
def test_the_mets_are_those_of_this_place(
    app: Flask, stranger: Browser, met_running: str, met: str, energy: str, first: str
) -> None:
    app.extensions["config"] = replace(app.extensions["config"], met_running=Decimal(met_running))
    told = text_of(stranger.get("/help"))
    assert f"Running at {met} MET for half an hour with 70 kg is {met} × 70 × 0.5 = {energy} kcal" in told
    assert f"Activity MET {first} Swimming 6.5 Yoga 4.0 Walking 3.5" in told
    assert f"{met} MET × 70 kg × 0.5 h = {energy} kcal" in text_of(stranger.get("/"))


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
