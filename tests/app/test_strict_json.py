"""JSON as the standard has it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.strict_json import BadJson, loads

text = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(values, some.booleans())
def test_what_the_standard_allows_is_read(value: Any, ascii_only: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b'{"a": NaN}', "JSON has no NaN."),
        (b"[Infinity]", "JSON has no Infinity."),
        (b"[-Infinity]", "JSON has no -Infinity."),
        (b"[1e400]", "A number is too large."),
        (b'{"a": 1, "a": 2}', "An object names the same key twice."),
        (rb'{"a": "x\u0000"}', "A text holds characters that cannot be kept."),
        (rb'{"\ud800": 1}', "A text holds characters that cannot be kept."),
        (rb'["\udc00\ud800"]', "A text holds characters that cannot be kept."),
        (b"[" * 33 + b"]" * 33, "JSON may be nested 32 levels deep."),
        (b"[" * 100_000, "JSON may be nested 32 levels deep."),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "JSON may be nested 32 levels deep."),
        (b"[" + b"9" * 5_000 + b"]", "This is not well-formed JSON."),
        (b'{"a": 1', "This is not well-formed JSON."),
        (b"", "This is not well-formed JSON."),
        (b"'a'", "This is not well-formed JSON."),
        (b'["\x00"]', "This is not well-formed JSON."),
        (b'["\n"]', "This is not well-formed JSON."),
        ('["é"]'.encode("latin-1"), "JSON must be sent as UTF-8."),
        ('["a"]'.encode("utf-16"), "JSON must be sent as UTF-8."),
    ],
)
def test_what_two_programs_could_read_differently_is_refused(sent: bytes, why: str) -> None:
    with pytest.raises(BadJson) as refused:
        loads(sent)
    assert refused.value.description == why


def test_brackets_in_texts_are_no_levels() -> None:
    assert loads(json.dumps(["[" * 100, '"[' * 50])) == ["[" * 100, '"[' * 50]


def test_thirty_two_levels_and_surrogate_pairs_are_fine() -> None:
    assert loads("[" * 32 + "]" * 32)
    assert loads(rb'["\ud83d\ude42"]') == ["🙂"]
