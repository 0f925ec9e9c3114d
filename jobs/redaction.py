"""Arguments and results as they may be shown."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "…"
_SECRET = re.compile(r"passw|secret|token|cookie|authori[sz]ation|api_?key|credential", re.IGNORECASE)


def without_secrets(value: Any) -> Any:
    """The value, hiding whatever stands under a name that sounds like a secret."""
    if isinstance(value, Mapping):
        return {name: HIDDEN if _SECRET.search(str(name)) else without_secrets(one) for name, one in value.items()}
    return [without_secrets(one) for one in value] if isinstance(value, list) else value
