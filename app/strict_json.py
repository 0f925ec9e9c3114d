"""JSON as the standard has it: whatever two programs could read differently is refused."""

import json
import math
import re
from typing import Any

from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

DEEPEST = 32
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class BadJson(BadRequest):
    """It cannot be read; the description says why."""


class StrictJson(DefaultJSONProvider):
    """Flask's JSON: reads with `loads` of this module, writes no NaN and keeps the order of keys."""

    sort_keys = False

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """As the module's `loads`."""
        return loads(s)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Raises ValueError for numbers that JSON does not have."""
        kwargs.setdefault("separators", (",", ":"))
        return super().dumps(obj, allow_nan=False, **kwargs)


def loads(data: str | bytes) -> Any:
    """What the text says.

    Raises:
        BadJson: not UTF-8, not JSON, nested deeper than 32, a key twice in one object, NaN or an infinity (also as
            1e400), a NUL or half a surrogate pair in a text, a number of thousands of digits
    """
    text = _decoded(data)
    _check_depth(text)
    try:
        found = _READER.decode(text)
    except (ValueError, RecursionError):
        raise BadJson("This is not well-formed JSON.") from None
    if _SUSPECT_ESCAPE.search(text):
        _check_texts(found)
    return found


def _decoded(data: str | bytes) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson("JSON must be sent as UTF-8.") from None


def _check_depth(text: str) -> None:
    """Before reading: a thousand levels would cost the reader its stack."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += bool(match[1]) - bool(match[2])
        if depth > DEEPEST:
            raise BadJson(f"JSON may be nested {DEEPEST} levels deep.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("An object names the same key twice.")
    return found


def _refuse_constant(name: str) -> Any:
    raise BadJson(f"JSON has no {name}.")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise BadJson("A number is too large.")
    return value


def _check_texts(found: Any) -> None:
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.keys()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and ("\x00" in one or any("\ud800" <= sign <= "\udfff" for sign in one)):
            raise BadJson("A text holds characters that cannot be kept.")


_READER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite)
