"""Events in the words of InfluxDB: its line protocol."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TAG = 200
TAGS = ("method", "status", "outcome", "queue", "part", "role")
"""Fields with few values, by which one looks for events there."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def line(measurement: str, *, tags: Mapping[str, Any], fields: Mapping[str, Any], at: datetime) -> str:
    """One point. Empty tags are left out, and so are fields that are None.

    Line breaks and other control characters become spaces: a line ends at the first one, whatever is quoted.

    Raises:
        ValueError: no field is left, and a point needs one
    """
    values = {name: _value(value) for name, value in sorted(fields.items()) if value is not None}
    if not values:
        raise ValueError("a point needs a field")
    marks = [f"{_key(name)}={_tag(text)}" for name, value in sorted(tags.items()) if (text := _clean(value))]
    told = ",".join(f"{_key(name)}={value}" for name, value in values.items())
    return f"{','.join([_measurement(measurement), *marks])} {told} {(at - EPOCH) // timedelta(microseconds=1) * 1000}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, float):
        return repr(value)
    text = _CONTROL.sub(" ", str(value)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _clean(value: Any) -> str:
    return "" if value is None else _CONTROL.sub(" ", str(value)).strip()[:LONGEST_TAG]


def _tag(text: str) -> str:
    # A backslash has no escape of its own there, and the last one would swallow what comes after it.
    return _escaped(text.replace("\\", "/"), ", =")


def _key(name: str) -> str:
    return _tag(_clean(name))


def _measurement(name: str) -> str:
    return _escaped(_clean(name).replace("\\", "/"), ", ")


def _escaped(text: str, signs: str) -> str:
    return "".join(f"\\{sign}" if sign in signs else sign for sign in text)
