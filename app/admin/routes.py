"""The staff area: Flask-Admin in our clothes. It reads by itself; what it writes, services write."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, Response, abort, flash, request, url_for
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import BaseSQLAFilter
from flask_wtf import FlaskForm
from sqlalchemy import inspect, select
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app.accounts.admin import PEOPLE
from app.accounts.services import is_fresh
from app.activities.admin import ACTIVITIES
from app.alerts.admin import ALERTS
from app.db import db, reading
from app.errors import Invalid, NotAllowed, NotFound
from app.monitoring.events.admin import EVENTS
from app.reports.admin import REPORTS
from app.security import me, someone
from app.staff import Act, Choice, During, Field, Filter, StaffPage, span_of
from app.tuning.admin import SETTINGS
from app.web import done, reason_sent, see_other

from .calendar import steps
from .ledger import ATTEMPTS, AUDIT, JOBS
from .schedules import SCHEDULES

PAGES = (PEOPLE, ACTIVITIES, REPORTS, JOBS, ATTEMPTS, SCHEDULES, EVENTS, ALERTS, SETTINGS, AUDIT)
LAST_PAGE = 400
LARGEST_ID = 2**63 - 1
LONGEST_WORD = 200
MOST_AT_ONCE = 100
LONGEST_TEXT = 10_000
REASON = "reason"


def install(app: Flask) -> None:
    """Put the staff area under /admin."""
    front = FrontPage(name="Data", endpoint="admin", url="/admin", template="admin/index.html")
    admin = Admin(app, name="Data", index_view=front)
    for page in PAGES:
        admin.add_view(StaffView(page))


class ForAdmins:
    """Whoever is no admin is told that there is nothing. The gate asked before; this is the second lock."""

    def is_accessible(self) -> bool:
        """Whether the person of this request is an admin."""
        person = someone()
        return person is not None and person.is_admin

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Once: the library would call a view again that raised a TypeError."""
        return fn(self, *args, **kwargs)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """Nothing here."""
        abort(404)


class FrontPage(ForAdmins, AdminIndexView):  # type: ignore[misc]
    """What there is."""

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> Any:
        """Links to every table."""
        return self.render("admin/index.html", pages=PAGES)


class StaffView(ForAdmins, ModelView):  # type: ignore[misc]
    """One table, as its feature described it."""

    can_create = can_edit = can_delete = can_export = False
    can_view_details = True
    action_disallowed_list = ("delete",)
    form_base_class = FlaskForm
    column_sortable_list = ()
    column_display_pk = True
    # Counting a million rows for a page number takes longer than the page.
    simple_list_pager = True
    named_filter_urls = True
    page_size = 25
    list_template = "admin/list.html"
    details_template = "admin/details.html"
    edit_template = "admin/edit.html"

    def __init__(self, page: StaffPage) -> None:
        self.staff_page = page
        keys = [column.key for column in inspect(page.model).primary_key]
        self.column_list = self.column_details_list = keys
        self.column_default_sort = [(key, True) for key in keys]
        self.can_edit = page.save is not None
        self.can_view_details = len(keys) == 1
        self.column_filters = [_Filter(page, one) for one in page.filters]
        self.column_searchable_list = list(page.searched)
        super().__init__(page.model, db, name=page.title, endpoint=f"admin_{page.key}", url=f"/admin/{page.key}")

    # -- writing ----------------------------------------------------------------------------------------------------

    @expose("/edit/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def edit_view(self) -> Any:
        """The form that corrects a row."""
        if not self.can_edit:
            return see_other(url_for(".index_view"))
        return _password_first(request.full_path) or super().edit_view()

    @expose("/acts/<string:key>", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def act_view(self, key: str) -> Any:
        """Ask, and then do something with some rows."""
        act = self.staff_page.act_named(key)
        if act is None:
            raise NotFound("There is no such thing to do.")
        ids = _ids(request.values.getlist("id"))
        if not ids:
            flash("Tick at least one row first.", "problem")
            return see_other(url_for(".index_view"))
        here = url_for(".act_view", key=key, id=ids)
        if wait := _password_first(here):
            return wait
        if request.method == "GET":
            return self.render("admin/confirm.html", act=act, ids=ids, here=here)
        return self._do(act, ids)

    def _do(self, act: Act, ids: Sequence[int]) -> Response:
        changed = act.do(me(), ids, reason_sent())
        said = act.done.format(count=len(changed), s="" if len(changed) == 1 else "s")
        if changed and act.undo:
            undo = url_for(".act_view", key=act.undo, id=list(changed))
            flash({"text": said, "action": undo, "word": "Undo"}, "success")  # type: ignore[arg-type]
            said = ""
        return done(None, see=url_for(".index_view"), announce=said or None)

    def edit_form(self, obj: Any = None) -> FlaskForm:
        """The form of a row, with what was sent or what it says now."""
        read = {name: field.read(obj) for name, field in self.staff_page.fields.items()} | {REASON: ""}
        form: FlaskForm = self._edit_form_class(data=read)
        return form

    def update_model(self, form: FlaskForm, model: Any) -> bool:
        """Have the feature's service write it; whether it did."""
        assert self.staff_page.save is not None, "only then is there a form"
        values = {name: (form[name].data or "")[:LONGEST_TEXT] for name in self.staff_page.fields}
        try:
            self.staff_page.save(me(), int(self.get_pk_value(model)), values, reason_sent())
        except Invalid as problem:
            for name, sentence in problem.errors.items():
                form[name if name in form else next(iter(values))].errors = [sentence]
            return False
        return True

    def scaffold_form(self) -> type[FlaskForm]:
        """The fields that the feature named, and no others."""
        fields = {name: _field(field) for name, field in self.staff_page.fields.items()}
        fields[REASON] = StringField("Reason", description="Kept in the audit log.")
        form: type[FlaskForm] = type("CorrectForm", (FlaskForm,), fields)
        return form

    # -- reading ----------------------------------------------------------------------------------------------------

    def init_search(self) -> bool:
        """Whether the table can be searched."""
        return super().init_search() or self.staff_page.search is not None

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        """As the feature says; where it only names texts, the library looks into them."""
        if self.staff_page.search is None:
            return super()._apply_search(query, count_query, joins, count_joins, search)
        return query.filter(self.staff_page.search.where(search)), count_query, joins, count_joins

    def render(self, template: str, **kwargs: Any) -> Any:
        """With what our templates need; a form that was refused is a 422."""
        chosen = {index: value for index, _, value in kwargs.get("active_filters") or ()}
        choices = [
            (f"flt{index}_{self.get_filter_arg(index, one)}", one, chosen.get(index, ""))
            for index, one in enumerate(self._filters or ())
        ]
        known = {
            "staff": self.staff_page,
            "choices": choices,
            "pages": PAGES,
            "calendar": self._calendar(choices),
            "has_details": self.can_view_details,
            "get_pk_value": self.get_pk_value,
        }
        page = str(super().render(template, **(known | kwargs)))
        form = kwargs.get("form")
        return Response(page, status=422) if form is not None and form.errors else page

    def get_one(self, id: Any) -> Any:  # noqa: A002 -- the library's name for it
        """The row with this id; None for what is no id."""
        found = _ids([str(id)])
        return reading().get(self.model, found[0]) if found else None

    def _calendar(self, choices: Sequence[tuple[str, "_Filter", str]]) -> list[tuple[str, str, bool]]:
        """Links that narrow the list to a year, a month, a day: word, address, whether it is chosen."""
        found = next(((name, one.during, value) for name, one, value in choices if one.during), None)
        if found is None or request.endpoint != f"{self.endpoint}.index_view":
            return []
        name, during, value = found
        ends = [reading().scalar(select(during.column).order_by(*order).limit(1)) for order in self._orders()]
        first, last = (ends[0] or ends[1], ends[1] or ends[0])
        if first is None or last is None:
            return []
        kept = {key: text for key, text in request.args.items() if key not in {name, "page"} and text}
        return [
            (step.word, self._address(kept | ({name: step.value} if step.value else {})), step.is_chosen)
            for step in steps(value if span_of(value) else "", min(first, last).date(), max(first, last).date())
        ]

    def _address(self, filters: dict[str, Any]) -> str:
        return url_for(".index_view", **filters)

    def _orders(self) -> list[list[Any]]:
        keys = inspect(self.model).primary_key
        return [[key.asc() for key in keys], [key.desc() for key in keys]]

    def _get_list_extra_args(self) -> Any:
        """What is asked for, within bounds: no database is asked for page minus one, or for a text with NUL in it."""
        asked = super()._get_list_extra_args()
        asked.page = min(max(asked.page or 0, 0), LAST_PAGE)
        asked.search = _word(asked.search or "")
        asked.extra_args = {}
        return asked


class _Filter(BaseSQLAFilter):  # type: ignore[misc]
    """A filter as Flask-Admin wants it."""

    def __init__(self, page: StaffPage, filter: Filter) -> None:  # noqa: A002 -- the word for it
        options = list(filter.options.items()) if isinstance(filter, Choice) else None
        super().__init__(inspect(page.model).primary_key[0], filter.name, options=options)
        self.during = filter if isinstance(filter, During) else None
        self._where = filter.where

    def validate(self, value: str) -> bool:
        """Whether it can be looked for; nothing chosen is fine."""
        return not value or (value in dict(self.options) if self.options else _word(value) == value)

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """The rows it leaves."""
        return query.filter(self._where(value)) if value else query

    def operation(self) -> str:
        """How it compares."""
        return "is"


def _password_first(back: str) -> Response | None:
    """The way to give the password again, where it was given too long ago; only admins write at all."""
    if not me().is_admin:
        raise NotAllowed("Only admins change data.")
    return None if is_fresh(me()) else see_other(url_for("accounts.confirm", next=back.rstrip("?")))


def _field(field: Field) -> Any:
    needed = [] if field.is_optional else [InputRequired("This is needed.")]
    if field.choices:
        options = [SelectChoice(value, word) for value, word in field.choices.items()]
        kept = {"choices": options, "validate_choice": False}
        return SelectField(field.label, validators=needed, description=field.hint, **kept)
    kind = TextAreaField if field.is_long else StringField
    return kind(field.label, validators=needed, description=field.hint)


def _ids(given: Sequence[str]) -> list[int]:
    """Those that are ids of rows, each once, as many as one page has."""
    good = [one for one in given if one.isascii() and one.isdigit() and len(one) < 20 and int(one) <= LARGEST_ID]
    return list(dict.fromkeys(int(one) for one in good))[:MOST_AT_ONCE]


def _word(text: str) -> str:
    """The text without what no database takes, and not longer than anybody needs."""
    return "".join(one for one in text[:LONGEST_WORD] if one.isprintable()).strip()
