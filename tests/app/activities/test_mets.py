"""The table of kinds."""

from decimal import Decimal

import pytest

from app.activities.mets import Kind


def test_kinds_have_the_met_label_and_icon_of_the_table() -> None:
    assert [(kind.value, kind.label, kind.met, kind.icon) for kind in Kind] == [
        ("running", "Running", Decimal("9.0"), "run"),
        ("walking", "Walking", Decimal("3.5"), "walk"),
        ("cycling", "Cycling", Decimal("8.0"), "bike"),
        ("swimming", "Swimming", Decimal("6.5"), "swim"),
        ("yoga", "Yoga", Decimal("4.0"), "yoga"),
    ]


def test_choices_pair_values_with_labels() -> None:
    assert Kind.choices()[0] == ("running", "Running")
    assert len(Kind.choices()) == 5


def test_a_kind_is_found_in_any_case() -> None:
    assert Kind.named("RUNNING") is Kind.RUNNING


@pytest.mark.parametrize(
    "typed", ["", "running ", "jogging", "<script>", "ｙｏｇａ", None, 1, True, ["running"], "r" * 10_000]
)
def test_what_is_no_kind_is_refused_with_the_list(typed: object) -> None:
    with pytest.raises(ValueError, match=r"^Choose one of: running, walking, cycling, swimming, yoga\.$"):
        Kind.named(typed)
