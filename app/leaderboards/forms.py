"""What the form of those who take part accepts."""

from typing import Any

from wtforms import Form, StringField, ValidationError
from wtforms.validators import DataRequired

from app.text import one_line

from .boards import LONGEST_NAME


class MembershipForm(Form):
    """The name somebody is seen under."""

    display_name = StringField(
        "Name on the leaderboards",
        description="It need not be your own.",
        validators=[DataRequired("Enter a name; any will do.")],
        render_kw={"maxlength": LONGEST_NAME, "autocomplete": "nickname"},
    )

    def validate_display_name(self, field: Any) -> None:
        """One line that can be kept."""
        try:
            field.data = one_line(field.data or "", longest=LONGEST_NAME)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if not field.data:
            raise ValidationError("Enter a name; any will do.")
