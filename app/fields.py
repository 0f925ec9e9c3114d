"""Fields that several parts of the API take: one sentence for whatever else comes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

from app.text import one_line

MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
)
NEEDS_MOMENT = "Give a date and time with a time zone."
WHOLE = re.compile(r"-?[0-9]{1,18}")


class MomentField(fields.AwareDateTime):
    """A moment with its time zone, ISO 8601."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not MOMENT.fullmatch(value):
            raise ValidationError(NEEDS_MOMENT)
        try:
            return datetime.fromisoformat(value.upper().replace(" ", "T")).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError(NEEDS_MOMENT) from None


class WholeField(fields.Integer):
    """A whole number in a range: a JSON number, or, for an address, the `digits` of one."""

    def __init__(self, low: int, high: int, *, digits: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.digits = low, high, digits
        self.metadata = {**self.metadata, "minimum": low, "maximum": high}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if self.digits and isinstance(value, str) and WHOLE.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ValidationError(f"Give a whole number from {self.low} to {self.high}.")
        return value


class LineField(fields.String):
    """One line of text that can be kept."""

    def __init__(self, *, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest
        self.metadata = {**self.metadata, "minLength": 1, "maxLength": longest}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        try:
            text = one_line(value, longest=self.longest) if isinstance(value, str) else ""
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if not text:
            raise ValidationError(f"Give 1 to {self.longest} characters.")
        return text
