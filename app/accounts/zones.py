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
def zones_by_area() -> tuple[tuple[str, str, str], ...]:
    """The same for a form: area, the name as it is stored, and as it is read."""
    split = ((zone, *zone.partition("/")[::2]) for zone in all_zones()[1:])
    places = ((area, zone, place.replace("_", " ").replace("/", " – ")) for zone, area, place in split)
    return (("Everywhere", "UTC", "UTC"), *places)
