"""Links that end reminders: ours, for one person and one address."""

from __future__ import annotations

import pytest

from app.reminders import links

KEY = "k7Jq2vX9pL4mN8rT1wZ5yB3cD6fG0hSa"
TOKEN = links.token_of(7, "ada@example.org", key=KEY)


def test_a_link_of_ours_is_genuine_for_its_person_and_address() -> None:
    assert links.claimed_by(TOKEN) == 7
    assert links.is_genuine(TOKEN, 7, "ada@example.org", key=KEY)


@pytest.mark.parametrize(
    ("user_id", "email", "key"),
    [
        (8, "ada@example.org", KEY),
        (7, "cleo@example.org", KEY),
        (7, "ada@example.org", "another key"),
    ],
)
def test_it_is_genuine_for_nobody_else(user_id: int, email: str, key: str) -> None:
    assert not links.is_genuine(TOKEN, user_id, email, key=key)


@pytest.mark.parametrize(
    "token",
    [
        *("", "7", "7-", TOKEN[:-1], f"{TOKEN}0", TOKEN.upper(), f"0{TOKEN}", f"-{TOKEN}", TOKEN.replace("7-", "٧-")),
        *(f"{2**31}{TOKEN[1:]}", f"99999999999{TOKEN[1:]}", f"{TOKEN}\n", "a" * 10_000),
    ],
)
def test_what_cannot_be_one_is_asked_of_no_database(token: str) -> None:
    assert links.claimed_by(token) is None


def test_a_strange_one_is_compared_without_ado() -> None:
    assert not links.is_genuine("7-\udcff", 7, "ada@example.org", key=KEY)
