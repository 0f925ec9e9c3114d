"""What the form of a report accepts."""

from collections.abc import Iterable

from wtforms import BooleanField, Form, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from .orders import Grouping, Order, Sort, WrongOrder, read_order


class ReportForm(Form):
    """A report to be built. `order` is the only way to its values."""

    report_type = SelectField("Report", validators=[InputRequired("Choose one.")], validate_choice=False)
    since = StringField("From")
    until = StringField("To")
    group_by = SelectField(
        "Sum up by",
        choices=[SelectChoice(one.value, one.value.capitalize()) for one in Grouping],
        validate_choice=False,
    )
    everybody = BooleanField("Of everybody")

    def offer(self, sorts: Iterable[Sort]) -> "ReportForm":
        """The form, with these to choose from."""
        self.report_type.choices = [SelectChoice(sort.value, sort.label) for sort in sorts]
        return self

    def order(self, *, is_staff: bool) -> Order | None:
        """What was asked for; None when something is wrong, which is then said beside its field."""
        filters = {
            "from": (self.since.data or "").strip(),
            "to": (self.until.data or "").strip(),
            "group_by": self.group_by.data or "",
            "everybody": bool(self.everybody.data),
        }
        try:
            return read_order(self.report_type.data, filters, is_staff=is_staff)
        except WrongOrder as error:
            fields = {"filters.from": "since", "filters.to": "until"}
            for name, sentence in error.errors.items():
                self[fields.get(name, name.removeprefix("filters."))].errors = [sentence]
            return None
