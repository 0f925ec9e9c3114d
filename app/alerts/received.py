"""What Prometheus' Alertmanager sends (webhook, version 4), read with care."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_ALERTS = 1_000
MOST_LABELS = 50
LONGEST_VALUE = 2_000
FINGERPRINT = re.compile(r"[0-9a-f]{1,32}", re.ASCII)


class WrongBody(ValueError):
    """It cannot be read; `errors` names each field with a sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Received:
    """One alert of another system's: how it is there, and what is told of it."""

    fingerprint: str
    is_firing: bool
    name: str
    severity: str
    title: str
    words: str
    labels: Mapping[str, str]


def read_body(body: Any) -> list[Received]:
    """The alerts of a notification. Raises WrongBody."""
    if not isinstance(body, dict):
        raise WrongBody({"": "Send an object."})
    if body.get("version") != "4":
        raise WrongBody({"version": 'It must be "4".'})
    alerts = body.get("alerts")
    if not isinstance(alerts, list) or len(alerts) > MOST_ALERTS:
        raise WrongBody({"alerts": f"Give a list of up to {MOST_ALERTS} alerts."})
    wrong: dict[str, str] = {}
    found = [_read(one, f"alerts.{number}", wrong) for number, one in enumerate(alerts)]
    if wrong:
        raise WrongBody(wrong)
    return [one for one in found if one is not None]


def _read(one: Any, path: str, wrong: dict[str, str]) -> Received | None:
    if not isinstance(one, dict):
        wrong[path] = "Give an object."
        return None
    status, fingerprint = one.get("status"), one.get("fingerprint")
    labels = _texts(one.get("labels"), f"{path}.labels", wrong)
    told = _texts(one.get("annotations", {}), f"{path}.annotations", wrong)
    if status not in ("firing", "resolved"):
        wrong[f"{path}.status"] = "Choose one of: firing, resolved."
    if not isinstance(fingerprint, str) or not FINGERPRINT.fullmatch(fingerprint):
        wrong[f"{path}.fingerprint"] = "Give a fingerprint: 1 to 32 signs (0 to 9, a to f)."
    if labels is not None and not labels.get("alertname"):
        wrong[f"{path}.labels.alertname"] = "Give the alert's name."
    if labels is None or told is None or any(name.startswith(f"{path}.") for name in wrong):
        return None
    name = labels["alertname"]
    return Received(
        fingerprint=str(fingerprint),
        is_firing=status == "firing",
        name=name,
        severity="critical" if labels.get("severity") in ("critical", "page") else "warning",
        title=told.get("summary") or name,
        words=told.get("description") or told.get("summary") or name,
        labels=labels,
    )


def _texts(values: Any, path: str, wrong: dict[str, str]) -> dict[str, str] | None:
    if not isinstance(values, dict) or len(values) > MOST_LABELS:
        wrong[path] = f"Give an object of up to {MOST_LABELS} texts."
        return None
    for name, value in values.items():
        if not isinstance(value, str) or len(value) > LONGEST_VALUE or len(name) > LONGEST_VALUE:
            wrong[path] = f"Give texts of up to {LONGEST_VALUE} characters."
            return None
    return values
