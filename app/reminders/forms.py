"""What the form of reminders accepts."""

from wtforms import BooleanField, Form, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, InputRequired

from .due import FEWEST_DAYS, LAST_HOUR, MOST_DAYS, USUAL_DAYS, USUAL_HOUR
from .wording import count

DAYS = {str(days): count(days) for days in range(FEWEST_DAYS, MOST_DAYS + 1)}
HOURS = {str(hour): f"{hour:02}:00" for hour in range(LAST_HOUR + 1)}
NO_DAYS = "Choose a number of days from the list."
NO_HOUR = "Choose an hour from the list."


class RemindersForm(Form):
    """Whether somebody wants to be reminded, and when."""

    is_on = BooleanField("Remind me by e-mail")
    days = SelectField(
        "When I have not logged for",
        choices=[SelectChoice(value, says) for value, says in DAYS.items()],
        default=str(USUAL_DAYS),
        validate_choice=False,
        validators=[InputRequired(NO_DAYS), AnyOf(DAYS, NO_DAYS)],
    )
    hour = SelectField(
        "From this hour on",
        choices=[SelectChoice(value, says) for value, says in HOURS.items()],
        default=str(USUAL_HOUR),
        validate_choice=False,
        validators=[InputRequired(NO_HOUR), AnyOf(HOURS, NO_HOUR)],
    )
