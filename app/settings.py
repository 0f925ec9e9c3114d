"""Reading one setting out of the text a person wrote."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from app import colours

Read = Callable[[str], Any]
"""Turns the text of a setting into its value; raises ValueError with half a sentence ("must be …")."""

ROOT = Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,4})?", re.ASCII)
CENTS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,2})?", re.ASCII)
HOST_NAME = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,253}", re.ASCII)


class ConfigError(Exception):
    """A setting that cannot be used. Its text is one sentence that names the variable, never a secret's value."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting before anybody has set it."""

    name: str
    default: str
    value: Any
    read: Read
    says: str
    secret: bool


def setting(default: str, read: Read, says: str, *, secret: bool = False, unset: Any = None) -> Any:
    """A field of Config that is read from the environment under its own name in capitals.

    Empty text means "not set", there as here. A secret may also come as NAME_FILE, and never shows in repr().
    """
    value = read(default) if default else unset
    return field(default=value, repr=not secret, metadata={"setting": (default, read, says, secret)})


def described(declared: Field[Any]) -> Setting:
    """The setting behind one field of Config."""
    default, read, says, secret = declared.metadata["setting"]
    return Setting(declared.name.upper(), default, declared.default, read, says, secret)


def written(value: Any) -> str:
    """A value as somebody would write it: what its setting reads gives it back."""
    match value:
        case None | bool():
            return {None: "", True: "true", False: "false"}[value]
        case (time() as since, time() as until, ZoneInfo() as zone):
            return f"{since:%H:%M}-{until:%H:%M} {zone.key}"
        case tuple():
            return ",".join(value)
        case datetime():
            precision = "auto" if value.second or value.microsecond else "minutes"
            return value.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
        case float():
            return f"{value:.4f}".rstrip("0").rstrip(".")  # as many decimals as NUMBER takes
        case _:
            return str(value)


def text(value: str) -> str:
    """Any one line of text."""
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def path(value: str) -> Path:
    """A path; a relative one begins at the project's folder, wherever the process was started."""
    return ROOT / Path(text(value)).expanduser()


def whole(low: int, high: int) -> Read:
    """A whole number from `low` to `high`, both included."""

    def read(value: str) -> int:
        if not NUMBER.fullmatch(value) or "." in value or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return read


def number(low: float, high: float) -> Read:
    """A number from `low` to `high`, both included, with a dot for decimals."""

    def read(value: str) -> float:
        if not NUMBER.fullmatch(value) or not low <= float(value) <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return read


def exact(low: str, high: str) -> Read:
    """An exact decimal from `low` to `high`, with two places at most."""

    def read(value: str) -> Decimal:
        if not CENTS.fullmatch(value) or not Decimal(low) <= Decimal(value) <= Decimal(high):
            raise ValueError(f"must be a number from {low} to {high}, with two decimals at most")
        return Decimal(value)

    return read


def line(longest: int) -> Read:
    """One line of text of so many characters at most."""

    def read(value: str) -> str:
        if not value.isprintable() or len(value) > longest:
            raise ValueError(f"must be one line of at most {longest} characters")
        return value

    return read


def moment(value: str) -> datetime:
    """A moment with its time zone; without one, UTC is meant."""
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time like 2026-12-24T18:00Z") from None


def accent(theme: str) -> Read:
    """A colour that can be read on every ground of the theme, light or dark."""

    def read(value: str) -> str:
        found = colours.readable(value)
        if found is None:
            raise ValueError("must be a colour like #0B5C66")
        if weak := colours.weakest(found, theme):
            ratio, ground = weak
            raise ValueError(f"must stand out more: on {ground} it reaches {ratio:.1f}:1 and needs {colours.LEAST}:1")
        return found

    return read


def one_of(*choices: str) -> Read:
    """One of these words, in any case."""

    def read(value: str) -> str:
        for choice in choices:
            if value.casefold() == choice.casefold():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return read


def number_of(*choices: int) -> Read:
    """One of these whole numbers."""
    word = one_of(*map(str, choices))
    return lambda value: int(word(value))


def yes_or_no(value: str) -> bool:
    """true or false; yes, no, on, off, 1 and 0 are understood too."""
    return bool(one_of("true", "yes", "on", "1", "false", "no", "off", "0")(value) in {"true", "yes", "on", "1"})


def host(value: str) -> str:
    """The name or the address of a machine."""
    if not HOST_NAME.fullmatch(value):
        raise ValueError("must be a host name or an address")
    return value


def reachable(host: str) -> str:
    """Where this machine finds what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- read, not listened on


def hosts(value: str) -> tuple[str, ...]:
    """Host names with commas between them."""
    return tuple(host(part.strip()) for part in value.split(","))


def address(value: str) -> str:
    """One IP address, or * for any."""
    if value == "*":
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be an IP address, or * for any") from None


def web_url(value: str) -> str:
    """Where people reach the product, without a slash at the end."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must look like https://metronome.example.org")
    return value.rstrip("/")


def call_url(value: str) -> str:
    """An address to be called, with or without a query."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or parts.username:
        raise ValueError("must look like https://example.org/a-path")
    return value


def database_url(value: str) -> str:
    """A database address for SQLAlchemy; every spelling of PostgreSQL becomes psycopg2's."""
    scheme, mark, rest = text(value).partition("://")
    if mark and scheme in {"postgres", "postgresql", "postgresql+psycopg2"}:
        _split(value)
        return f"postgresql+psycopg2://{rest}"
    if mark and scheme == "sqlite" and re.fullmatch(r"/[^?#]+", rest) and rest != "/:memory:":
        return value
    raise ValueError("must begin with postgresql:// or be sqlite:/// and a path")


def redis_url(value: str) -> str:
    """A Redis address: over the network, with TLS, or through a socket."""
    parts = _split(value)
    if (parts.scheme in {"redis", "rediss"} and parts.hostname) or (parts.scheme == "unix" and parts.path):
        return value
    raise ValueError("must begin with redis://, rediss:// or unix:///")


def mail_url(value: str) -> str:
    """A mail server, with or without name and password; smtps talks TLS from the first byte."""
    parts = _split(value)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must look like smtp://name:password@mail.example.org:587 or begin with smtps://")
    return value


def sender(value: str) -> str:
    """An e-mail address, with or without a name before it."""
    name, address = parseaddr(text(value))
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or not value.endswith((address, f"<{address}>")):
        raise ValueError("must look like Metronome <metronome@example.org>")
    return formataddr((name, address)) if name else address


QUIET_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])(?: (\S{1,64}))?", re.ASCII)


def quiet_hours(value: str) -> tuple[time, time, ZoneInfo]:
    """From when to when of the day, and in which time zone; UTC unless one is named."""
    found = QUIET_HOURS.fullmatch(value)
    zone = (found and found[5]) or "UTC"
    if not found or zone not in available_timezones():
        raise ValueError("must look like 22:00-07:00 Europe/Berlin")
    return time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])), ZoneInfo(zone)


KNOWN_SECRETS = {"changeme", "change-me", "secret", "secretkey", "dev", "development", "password", "metronome"}


def secret_key(value: str) -> str:
    """A key nobody can guess: at least 32 bytes, and not out of a manual."""
    if len(value.encode()) < 32:
        raise ValueError("must have at least 32 bytes; leave it out to have one made")
    words = re.sub(r"[^a-z-]", "", value.casefold())
    if len(set(value)) < 8 or any(words == known * (len(words) // len(known) or 1) for known in KNOWN_SECRETS):
        raise ValueError("must not be a well-known sample; leave it out to have one made")
    return value


def _split(value: str) -> Any:
    try:
        parts = urlsplit(text(value))
        _ = parts.port
    except ValueError:
        raise ValueError("must be a well-formed address") from None
    return parts
