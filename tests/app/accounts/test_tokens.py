"""What tokens look like."""

from app.accounts.tokens import is_well_formed, token_of
from app.hashing import new_secret


def test_a_token_is_recognised() -> None:
    token = token_of(new_secret())
    assert is_well_formed(token)
    assert token.startswith("act_")


def test_two_secrets_differ() -> None:
    assert new_secret() != new_secret()


def test_a_damaged_one_is_not() -> None:
    token = token_of("A" * 43)
    damaged = (token[:-1], token + "a", token.replace("act_", "ACT_"), f" {token}", f"{token}\n", "")
    assert [one for one in damaged if is_well_formed(one)] == []


def test_a_mistyped_letter_is_noticed() -> None:
    token = token_of("A" * 43)
    assert not is_well_formed(token.replace("AAAA", "AABA", 1))
