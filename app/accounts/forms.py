"""What the forms of accounts accept."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from wtforms import BooleanField, EmailField, Field, Form, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from app import units
from app.errors import Invalid
from app.security import SCOPES, Person
from app.text import one_line

from .addresses import read_address
from .passwords import LONGEST as LONGEST_PASSWORD
from .zones import all_zones, zones_by_area

Result = TypeVar("Result")

LONGEST_NAME = 80
LIGHTEST_KG, HEAVIEST_KG = Decimal(20), Decimal(500)
EARLIEST = date(1900, 1, 1)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ServiceForm(Form):
    """A form whose values are what one service takes, by name."""

    def submit(self, service: Callable[..., Result], *subject: Any, **more: Any) -> Result | None:
        """Check the form and call the service with it. None when either refuses; why is then said at the fields.

        A service that has nothing to say must not be asked for its answer: see `accepted`.
        """
        if not self.validate():
            return None
        try:
            return service(*subject, **self.data, **more)
        except Invalid as problem:
            self._show(problem)
            return None

    def accepted(self, service: Callable[..., object], *subject: Any, **more: Any) -> bool:
        """As submit; whether all went well."""
        self.submit(service, *subject, **more)
        return not self.errors

    def _show(self, problem: Invalid) -> None:
        for name, sentence in problem.errors.items():
            if name in self._fields:
                self[name].errors = [*self[name].errors, sentence]
            else:
                self.form_errors.append(sentence)


class Line(StringField):
    """One line of text, trimmed."""

    data: str | None

    def __init__(self, label: str, *, longest: int = LONGEST_NAME, **kwargs: Any) -> None:
        super().__init__(label, render_kw={"maxlength": longest}, **kwargs)
        self._longest = longest

    def post_validate(self, form: Any, validation_stopped: bool) -> None:  # noqa: FBT001 -- the library's signature
        """Refuse what cannot be kept."""
        if not validation_stopped:
            self.data = _checked(lambda text: one_line(text, longest=self._longest), self.data or "")


class Address(EmailField):
    """An e-mail address."""

    data: str | None

    def post_validate(self, form: Any, validation_stopped: bool) -> None:  # noqa: FBT001 -- the library's signature
        """Refuse what is none."""
        if not validation_stopped:
            self.data = _checked(read_address, self.data or "")


class WrittenPassword(PasswordField):
    """A password: nothing in it is trimmed or changed, and it is never sent back."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, render_kw={"maxlength": LONGEST_PASSWORD, "spellcheck": "false"}, **kwargs)


def _required(sentence: str) -> list[Any]:
    return [InputRequired(sentence)]


def _email() -> Address:
    return Address("E-mail", validators=[DataRequired("Enter your e-mail address.")])


def _name() -> Line:
    return Line("Name", validators=[DataRequired("Enter a name; any will do.")])


def _password(label: str = "Password", hint: str = "At least 12 characters. A few words in a row do well.") -> Field:
    return WrittenPassword(label, description=hint, validators=_required("Enter a password."))


def _zone() -> SelectField:
    return SelectField(
        "Time zone",
        choices=[SelectChoice(zone, place, optgroup=area) for area, zone, place in zones_by_area()],
        validate_choice=False,
        validators=[InputRequired("Choose a time zone."), _known_zone],
    )


def _known_zone(_form: Form, field: Field) -> None:
    if field.data not in all_zones():
        raise ValidationError("Choose a time zone from the list.")


class SignUpForm(ServiceForm):
    """Making an account."""

    name = _name()
    email = _email()
    password = _password()
    zone = _zone()


class SignInForm(ServiceForm):
    """Coming back. What the address looks like is not judged: a wrong one is a wrong pair."""

    email = EmailField("E-mail", validators=_required("Enter your e-mail address."))
    password = WrittenPassword("Password", validators=_required("Enter your password."))


class ConfirmForm(ServiceForm):
    """The password once more."""

    password = WrittenPassword("Password", validators=_required("Enter your password."))


class RememberForm(Form):
    """Whether the browser stays signed in."""

    remember = BooleanField("Keep me signed in")


class SetUpForm(ServiceForm):
    """Making the first admin."""

    name = _name()
    email = _email()
    password = _password(hint="At least 15 characters, because this account may do everything.")
    zone = _zone()


class KeepForm(ServiceForm):
    """Making a guest's account one that stays."""

    name = _name()
    email = _email()
    password = _password()


class ProfileForm(ServiceForm):
    """What a person is called and where their days begin."""

    name = _name()
    zone = _zone()


class PasswordForm(ServiceForm):
    """Changing the password."""

    current = WrittenPassword("Current password", validators=_required("Enter your current password."))
    password = _password("New password")


class WeightForm(ServiceForm):
    """A weight, from a day on."""

    weight_kg = StringField("Weight", validators=_required("Enter your weight."))
    on_day = StringField("From", validators=_required("Enter the day."))

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._today = today

    @property
    def data(self) -> dict[str, Any]:
        """The values as numbers and days; only after the form was found right."""
        return {"weight_kg": _weight(self.weight_kg.data or ""), "on_day": _day(self.on_day.data or "")}

    def validate_weight_kg(self, field: Field) -> None:
        """From 20 to 500 kg, with two decimals at most."""
        try:
            weight_kg = _weight(field.data or "")
        except ValueError as error:
            raise ValidationError(f"Weight {error}.") from None
        if not LIGHTEST_KG <= weight_kg <= HEAVIEST_KG:
            raise ValidationError("Weight must be between 20 and 500 kg.")

    def validate_on_day(self, field: Field) -> None:
        """A day that has come."""
        try:
            on_day = _day(field.data or "")
        except ValueError:
            raise ValidationError("Enter a day like 2026-11-20.") from None
        if not EARLIEST <= on_day <= self._today:
            raise ValidationError("Enter a day that has come.")


class TokenForm(ServiceForm):
    """Making an API token."""

    name = Line("Name", description="What uses it: “Phone”, “Backup script”.", validators=_required("Enter a name."))
    scopes = SelectMultipleField(
        "May",
        choices=[SelectChoice(scope, says) for scope, says in SCOPES.items()],
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
        validators=_required("Choose what it may do."),
    )
    days = SelectField(
        "Lasts",
        choices=[SelectChoice("30", "30 days"), SelectChoice("90", "90 days"), SelectChoice("365", "A year")],
        default="90",
        validators=_required("Choose how long it lasts."),
    )

    @property
    def data(self) -> dict[str, Any]:
        """The values as the service takes them."""
        return {"name": self.name.data, "scopes": self.scopes.data or [], "days": int(self.days.data)}

    def offer_to(self, person: Person) -> None:
        """Leave out what their role does not allow them to give."""
        kept = {"jobs": person.may("see"), "admin": person.may("manage")}
        self.scopes.choices = [choice for choice in self.scopes.choices if kept.get(choice.value, True)]


def _weight(text: str) -> Decimal:
    return units.parse_number(text, places=2)


def _day(text: str) -> date:
    if not DAY.fullmatch(text):
        raise ValueError("not a day")
    return date.fromisoformat(text)


def _checked(read: Callable[[str], str], text: str) -> str:
    try:
        found = read(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if not found:
        raise ValidationError("This cannot be empty.")
    return found
