"""E-mail addresses."""

import pytest

from app.accounts.addresses import address_key, read_address


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.ORG ", "Ada@example.org"),
        ("ada@server", "ada@server"),
        ("ada@bücher.example", "ada@bücher.example"),
        ("ada+run@example.org", "ada+run@example.org"),
    ],
)
def test_an_address_is_kept_as_typed_but_for_its_host(typed: str, kept: str) -> None:
    assert read_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "ada@", "@example.org", "a@b\r\nBcc: x@y.org", "a@b@c.org", '"x"@[127.0.0.1]', "a\x00@example.org",
     "Ada <ada@example.org>", "a@" + "b" * 300 + ".org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        read_address(typed)


def test_case_and_form_do_not_make_another_person() -> None:
    assert {
        address_key(one) for one in ("Ada@Example.org", "ada@example.org", " ADA@EXAMPLE.ORG", "ａda@example.org")
    } == {"ada@example.org"}
    assert address_key("аda@example.org") != "ada@example.org"
