"""Arguments, results and log lines as they may be shown: without secrets, and with what is personal masked."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "…"
_SECRET = re.compile(r"passw|secret|token|cookie|authori[sz]ation|api_?key|credential", re.IGNORECASE)
_PERSONAL = re.compile(
    r"(?:^|_)(?:e_?mail|phone|mobile|address|birth(?:day|_?date)?|first_?name|last_?name)s?$", re.IGNORECASE
)
_E_MAIL = re.compile(r"([\w.+-])[\w.+-]{0,63}(@[\w-]{1,63}(?:\.[\w-]{1,63})+)")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*(?=@)")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)


def without_secrets(value: Any) -> Any:
    """The value, hiding whatever stands under a name that sounds like a secret."""
    if isinstance(value, Mapping):
        return {name: HIDDEN if _SECRET.search(str(name)) else without_secrets(one) for name, one in value.items()}
    return [without_secrets(one) for one in value] if isinstance(value, list) else value


def masked(value: Any, *, name: str = "") -> Any:
    """The value without what tells who somebody is: mail addresses anywhere, and text under names like `phone`."""
    if isinstance(value, Mapping):
        return {key: masked(one, name=str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one, name=name) for one in value]
    if not isinstance(value, str) or not value:
        return value
    text = masked_text(value)
    return f"{value[0]}{HIDDEN}" if text == value and _PERSONAL.search(name) else text


def masked_text(text: str) -> str:
    """The text with its mail addresses as "a…@example.org", and without the credentials that logs may hold."""
    text = _BEARER.sub(rf"\1 {HIDDEN}", _CREDENTIALS.sub(HIDDEN, text))
    return _E_MAIL.sub(rf"\1{HIDDEN}\2", text)


def put_back(edited: Any, shown: Any, original: Any) -> Any:
    """What somebody made of the shown value, with the original wherever they left what was hidden as it was."""
    if isinstance(edited, Mapping) and isinstance(shown, Mapping) and isinstance(original, Mapping):
        return {
            name: put_back(one, shown[name], original[name]) if name in shown and name in original else one
            for name, one in edited.items()
        }
    if isinstance(edited, list) and isinstance(shown, list) and isinstance(original, list):
        if len(edited) == len(shown) == len(original):
            return [put_back(*three) for three in zip(edited, shown, original, strict=True)]
        return edited
    return original if type(edited) is type(shown) and edited == shown else edited
