"""The staff area: Flask-Admin in our clothes, for reading only."""

from typing import Any

from flask import Flask, abort
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import BaseSQLAFilter
from flask_wtf import FlaskForm
from sqlalchemy import inspect

from app.accounts.admin import PEOPLE
from app.activities.admin import ACTIVITIES
from app.db import db, reading
from app.security import someone
from app.staff import Choice, Exactly, StaffPage

from .ledger import JOBS

PAGES = (PEOPLE, ACTIVITIES, JOBS)
LAST_PAGE = 400
LARGEST_ID = 2**63 - 1
LONGEST_WORD = 200


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
    column_list = column_details_list = ("id",)
    column_sortable_list = ()
    column_default_sort = ("id", True)
    column_display_pk = True
    # Counting a million rows for a page number takes longer than the page.
    simple_list_pager = True
    named_filter_urls = True
    page_size = 25
    list_template = "admin/list.html"
    details_template = "admin/details.html"

    def __init__(self, page: StaffPage) -> None:
        self.staff_page = page
        self.column_filters = [_Filter(page, one) for one in page.filters]
        self.column_searchable_list = list(page.searched)
        super().__init__(page.model, db, name=page.title, endpoint=f"admin_{page.key}", url=f"/admin/{page.key}")

    def scaffold_form(self) -> type[Any]:
        """No fields: nothing is written here."""
        form: type[Any] = FlaskForm
        return form

    def render(self, template: str, **kwargs: Any) -> str:
        """With what our templates need."""
        chosen = {index: value for index, _, value in kwargs.get("active_filters") or ()}
        choices = [
            (f"flt{index}_{self.get_filter_arg(index, one)}", one, chosen.get(index, ""))
            for index, one in enumerate(self._filters or ())
        ]
        return str(super().render(template, staff=self.staff_page, choices=choices, pages=PAGES, **kwargs))

    def get_one(self, id: Any) -> Any:  # noqa: A002 -- the library's name for it
        """The row with this id; None for what is no id."""
        text = str(id)
        is_id = text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID
        return reading().get(self.model, int(text)) if is_id else None

    def _get_list_extra_args(self) -> Any:
        """What is asked for, within bounds: no database is asked for page minus one, or for a text with NUL in it."""
        asked = super()._get_list_extra_args()
        asked.page = min(max(asked.page or 0, 0), LAST_PAGE)
        asked.search = _word(asked.search or "")
        asked.extra_args = {}
        return asked


class _Filter(BaseSQLAFilter):  # type: ignore[misc]
    """A filter as Flask-Admin wants it."""

    def __init__(self, page: StaffPage, filter: Choice | Exactly) -> None:  # noqa: A002 -- the word for it
        options = list(filter.options.items()) if isinstance(filter, Choice) else None
        super().__init__(inspect(page.model).primary_key[0], filter.name, options=options)
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


def _word(text: str) -> str:
    """The text without what no database takes, and not longer than anybody needs."""
    return "".join(one for one in text[:LONGEST_WORD] if one.isprintable()).strip()
