"""What the form of reminders accepts."""

from wtforms import BooleanField, Form, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from .due import FEWEST_DAYS, LAST_HOUR, MOST_DAYS, USUAL_DAYS, USUAL_HOUR
from .wording import count

DAYS = "Choose a number of days from the list."
HOUR = "Choose an hour from the list."


class RemindersForm(Form):
    """Whether somebody wants to be reminded, and when."""

    is_on = BooleanField("Remind me by e-mail")
    days = SelectField(
        "When I have not logged for",
        choices=[SelectChoice(str(days), count(days)) for days in range(FEWEST_DAYS, MOST_DAYS + 1)],
        default=str(USUAL_DAYS),
        validators=[InputRequired(DAYS)],
    )
    hour = SelectField(
        "From this hour on",
        choices=[SelectChoice(str(hour), f"{hour:02}:00") for hour in range(LAST_HOUR + 1)],
        default=str(USUAL_HOUR),
        validators=[InputRequired(HOUR)],
    )
