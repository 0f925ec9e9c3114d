"""The time zones people can choose."""

from functools import cache
from zoneinfo import available_timezones

AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@cache
def all_zones() -> tuple[str, ...]:
    """Every zone named after a place, and UTC."""
    places = (zone for zone in available_timezones() if zone.partition("/")[0] in AREAS and "/" in zone)
    return ("UTC", *sorted(places))


@cache
def zone_choices() -> dict[str, list[tuple[str, str]]]:
    """The same for a form: under each area, the name as it is stored and as it is read."""
    groups: dict[str, list[tuple[str, str]]] = {"": [("UTC", "UTC")]}
    for zone in all_zones()[1:]:
        area, _, place = zone.partition("/")
        groups.setdefault(area, []).append((zone, place.replace("_", " ").replace("/", " – ")))
    return groups
