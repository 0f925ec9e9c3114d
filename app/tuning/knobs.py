"""Which settings may change while the product runs, and how people are asked for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting that may change. `unit` stands behind its field; of several `choices` one is chosen.

    One that `is_long` gets an area of its own, one that `is_wide` a line of its own.
    """

    name: str
    label: str
    hint: str = ""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    is_long: bool = False
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that people look for together, and save together."""

    key: str
    title: str
    about: str
    knobs: tuple[Knob, ...]


YES_NO = (("true", "Yes"), ("false", "No"))
SIZES = tuple((str(size), str(size)) for size in (10, 25, 50, 100))
ON_NEXT_TRY = "Holds from the next activity on."

GROUPS = (
    Group(
        "place",
        "This place",
        "What people see on every page.",
        (
            Knob("site_name", "Name", is_wide=True),
            Knob("accent_light", "Accent in light", "A colour like #0B5C66; empty for petrol."),
            Knob("accent_dark", "Accent in dark", "A colour like #62C6CE; empty for aqua."),
            Knob("announcement", "Announcement", "One sentence on top of every page; empty for none.", is_long=True),
            Knob("announcement_until", "Until", "Like 2026-12-24T18:00Z; empty: until you take it away."),
        ),
    ),
    Group(
        "doors",
        "Coming in",
        "Who may come in, and how often something may be tried.",
        (
            Knob("sign_up_open", "Strangers may make an account", choices=YES_NO),
            Knob("maintenance", "Closed for maintenance", "Only admins come in. Jobs go on.", choices=YES_NO),
            Knob("maintenance_message", "What people read meanwhile", is_long=True),
            Knob("maintenance_retry_s", "Programs may ask again after", unit="s"),
            Knob("sign_up_per_hour", "New accounts per address", unit="an hour"),
            Knob("sign_in_per_hour", "Wrong passwords per account", unit="an hour"),
            Knob("sign_in_per_address", "Wrong passwords per address", unit="an hour"),
            Knob("reports_per_hour", "Reports per person", unit="an hour"),
            Knob("plans_per_day", "Workout plans per person", unit="a day"),
        ),
    ),
    Group(
        "pages",
        "Pages",
        "Pages that are open take it over when they ask the next time.",
        (
            Knob("page_size", "Rows on a page", choices=SIZES),
            Knob("poll_pace_s", "Pace of a waiting page", "How long it waits between two looks.", unit="s"),
        ),
    ),
    Group(
        "calories",
        "Calories",
        "MET × kilograms × hours. What is logged keeps its MET until it is recalculated.",
        (
            Knob("default_weight_kg", "Weight of who gave none", "Empty: they are asked for it.", unit="kg"),
            Knob("met_running", "MET of running"),
            Knob("met_walking", "MET of walking"),
            Knob("met_cycling", "MET of cycling"),
            Knob("met_swimming", "MET of swimming"),
            Knob("met_yoga", "MET of yoga"),
        ),
    ),
    Group(
        "background",
        "Background work",
        "How calculations are delayed, tried again and searched for.",
        (
            Knob("activity_delay_s", "Artificial delay", "5 to watch a calculation; 0 for none.", unit="s"),
            Knob("activity_max_retries", "New tries of a failed calculation", ON_NEXT_TRY),
            Knob("activity_retry_delay_s", "Before the first new try", "Then longer each time.", unit="s"),
            Knob("requeue_interval_s", "Between two searches for stuck activities", unit="s"),
            Knob("requeue_expiry_s", "A search not begun is dropped after", "Not longer than the interval.", unit="s"),
            Knob("leaderboards_interval_s", "Between two updates of the leaderboards", unit="s"),
            Knob("reminders_interval_s", "Between two looks at who is to be reminded", unit="s"),
        ),
    ),
)

KNOBS = {knob.name: knob for group in GROUPS for knob in group.knobs}


def group_named(key: str) -> Group | None:
    """The group with this key, if there is one."""
    return next((group for group in GROUPS if group.key == key), None)
