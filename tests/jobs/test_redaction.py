"""Secrets and what is personal, as they may be shown."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.redaction import masked, masked_text, put_back, without_secrets

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("zoe@example.org"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "email", "api_key", "phone"]), inner, max_size=3)
    ),
    max_leaves=10,
)


def test_what_is_personal_is_masked_and_the_rest_is_not() -> None:
    told = {"to": ["Zoe <zoe.w@mail.example.org>"], "phone": "0170", "first_name": "Zoe", "number": 5, "name": "lane"}
    assert masked(told) == {
        "to": ["Zoe <z…@mail.example.org>"],
        "phone": "0…",
        "first_name": "Z…",
        "number": 5,
        "name": "lane",
    }


def test_credentials_are_no_part_of_a_line() -> None:
    assert (
        masked_text("GET https://ada:pw@example.org/x with Bearer abc.def")
        == "GET https://…@example.org/x with Bearer …"
    )


@given(VALUES)
def test_what_nobody_changed_is_put_back_as_it_was(value: object) -> None:
    shown = masked(without_secrets(value))
    assert put_back(shown, shown, value) == value


def test_what_was_changed_stays_changed() -> None:
    original = {"email": "zoe@example.org", "number": 1, "list": ["ben@example.org"]}
    shown = masked(original)
    edited = {"email": "ada@example.org", "number": True, "list": ["b…@example.org"], "new": 1}
    assert put_back(edited, shown, original) == {
        "email": "ada@example.org",
        "number": True,
        "list": ["ben@example.org"],
        "new": 1,
    }
