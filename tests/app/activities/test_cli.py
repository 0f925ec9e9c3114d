"""Demo data from the terminal."""

import pytest
from flask import Flask

from app.activities import queries
from app.activities.pages import Filter


def test_fill_gives_the_oldest_account_what_was_asked_for(app: Flask, ada_id: int, cleo_id: int) -> None:
    result = app.test_cli_runner().invoke(args=["demo", "fill", "--activities", "25"])
    assert (result.exit_code, result.stdout) == (0, "25 activities.\n")
    with app.app_context():
        assert (queries.count_of(ada_id, Filter()), queries.count_of(cleo_id, Filter())) == (25, 0)


def test_fill_finds_somebody_by_e_mail(app: Flask, ada_id: int, cleo_id: int) -> None:
    result = app.test_cli_runner().invoke(args=["demo", "fill", "--activities", "3", "--email", "Cleo@example.org"])
    assert result.exit_code == 0
    with app.app_context():
        assert (queries.count_of(ada_id, Filter()), queries.count_of(cleo_id, Filter())) == (0, 3)


@pytest.mark.parametrize("arguments", [[], ["--email", "nobody@example.org"]])
def test_fill_without_an_account_says_how_to_make_one(app: Flask, arguments: list[str]) -> None:
    result = app.test_cli_runner().invoke(args=["demo", "fill", "--activities", "3", *arguments])
    assert result.exit_code == 1
    assert "make one with: flask --app wsgi users create" in result.stderr
