"""Settings on the web: what may change, what was changed, and what everybody sees of it."""

from typing import Any

from flask import Blueprint, Flask, Response, make_response, request, url_for
from wtforms import Form

from app import colours
from app.accounts.queries import names_of
from app.activities.mets import Kind
from app.clock import now
from app.errors import Conflict, Invalid, NotFound
from app.hashing import fingerprint
from app.security import admin_only, me, public, viewers
from app.web import done, invalid, local_path, page_or_fragment, reason_sent, see_other, settings

from . import queries, services
from .forms import form_for, sent_values, tell
from .knobs import GROUPS, KNOBS, Group, group_named

bp = Blueprint("tuning", __name__)

PAGE = "tuning/index.html"
DISMISSED = "dismissed"
A_MONTH_S = 30 * 86_400
FOR_A_YEAR = "public, max-age=31536000, immutable"


def install(app: Flask) -> None:
    """Let every page know what this place is called, its colours, and what is announced."""
    app.context_processor(_on_every_page)


@bp.get("/ops/settings")
@viewers
def index() -> Response:
    """All settings that may change, and what was changed."""
    return page_or_fragment(PAGE, PAGE, **_shown())


@bp.post("/ops/settings/<string:key>")
@admin_only
def update(key: str) -> Response:
    """Change the settings of a group."""
    group = group_named(key)
    if group is None:
        raise NotFound("There are no such settings.")
    form = form_for(group, {}, optional=_optional(), sent=request.form)
    try:
        changed = services.change(
            sent_values(form, group),
            by=me(),
            reason=" ".join((form["reason"].data or "").split()),
            seen=_version(request.form.get("version", "")),
        )
    except Invalid as error:
        tell(form, error.errors)
        return invalid(PAGE, PAGE, **_shown(key, form))
    told = f"Changed: {', '.join(KNOBS[name].label for name in changed)}." if changed else "Nothing was different."
    return done(None, see=url_for(".index", _anchor=key), announce=told)


@bp.get("/ops/settings/defaults")
@admin_only
def ask_reset() -> Response:
    """Ask why, before a setting is again as the environment says."""
    name = request.args.get("name", "")
    if name not in KNOBS:
        raise NotFound("There is no such setting.")
    question = f"Reset {KNOBS[name].label} to how it was started?"
    return _asked(question, "Reset", url_for(".reset"), fields={"name": name})


@bp.post("/ops/settings/defaults")
@admin_only
def reset() -> Response:
    """Have a setting be again as the environment says."""
    name = request.form.get("name", "")
    services.change({name: None}, by=me(), reason=reason_sent() or "Back to how it was started")
    return done(None, see=url_for(".index"), announce=f"{KNOBS[name].label} is as the environment says.")


@bp.get("/ops/settings/changes")
@viewers
def changes() -> Response:
    """What was changed, page by page."""
    before = request.args.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    found, following = queries.changes(before_id=before_id, limit=50)
    context = {
        "changes": found,
        "people": names_of({one.by for one in found}),
        "following": following,
        "labels": KNOBS,
        "is_first": before_id is None,
    }
    return page_or_fragment("tuning/changes.html", "tuning/changes.html", **context)


@bp.get("/ops/settings/changes/<int:change_id>/restoration")
@admin_only
def ask_restore(change_id: int) -> Response:
    """Ask why, before a setting is put back."""
    name = queries.change_numbered(change_id).name
    label = KNOBS[name].label if name in KNOBS else name
    question = f"Put {label} back to what it was before change {change_id}?"
    return _asked(question, "Restore", url_for(".restore", change_id=change_id))


@bp.post("/ops/settings/changes/<int:change_id>/restoration")
@admin_only
def restore(change_id: int) -> Response:
    """Put a setting back to what it was before a change."""
    changed = services.restore(change_id, by=me(), reason=reason_sent() or "")
    told = f"{KNOBS[changed[0]].label} is back to what it was." if changed else "It is that already."
    return done(None, see=url_for(".index", _anchor="history"), announce=told)


@bp.get("/ops/settings/recalculations")
@admin_only
def ask_recalculate() -> Response:
    """Ask why, before activities are counted again."""
    kind = _kind(request.args.get("kind", ""))
    question = f"Count activities of {kind.value} again, with the MET that they have now?"
    return _asked(question, f"Recalculate {kind.value}", url_for(".recalculate"), fields={"kind": kind.value})


@bp.post("/ops/settings/recalculations")
@admin_only
def recalculate() -> Response:
    """Have activities counted again with the MET that their kind has now."""
    kind = _kind(request.form.get("kind", ""))
    services.recalculate(kind, by=me(), reason=reason_sent())
    told = f"Activities of {kind.value} are being counted again."
    return done(None, see=url_for(".index", _anchor="calories"), announce=told)


@bp.get("/accent.css")
@public
def accent() -> Response:
    """The accent of this place, over the stylesheet's own."""
    config = settings()
    light, dark = (
        colours.shades(config.accent_light, "light"),
        colours.shades(config.accent_dark, "dark"),
    )
    names = ("--accent", "--accent-hover", "--accent-bg")
    rules = "".join(f"{name}:light-dark({a},{b});" for name, a, b in zip(names, light, dark, strict=True))
    response = make_response(f":root{{{rules}}}\n")
    response.mimetype = "text/css"
    response.headers["Cache-Control"] = FOR_A_YEAR if request.args.get("v") == _accent_key() else "public, no-cache"
    return response


@bp.post("/announcement/dismissal")
@public
def dismiss() -> Response:
    """Show this browser the announcement no more, until there is another one."""
    response = see_other(local_path(request.form.get("next"), otherwise="/"))
    key = _announcement_key()
    is_https = (settings().public_url or "").startswith("https:")
    if key:
        response.set_cookie(DISMISSED, key, max_age=A_MONTH_S, secure=is_https, httponly=True, samesite="Lax")
    return response


def _on_every_page() -> dict[str, Any]:
    config = settings()
    return {
        "site_name": config.site_name,
        "accent_key": _accent_key(),
        "announcement": _announcement(),
        "is_closed": config.maintenance,
    }


def _accent_key() -> str:
    """What changes with the colours; empty while they are the stylesheet's."""
    config = settings()
    given = (config.accent_light, config.accent_dark)
    return "-".join((one or "").removeprefix("#") for one in given) if any(given) else ""


def _announcement() -> str | None:
    config = settings()
    until = config.announcement_until
    if not config.announcement or (until and until <= now()):
        return None
    return None if request.cookies.get(DISMISSED) == _announcement_key() else config.announcement


def _announcement_key() -> str:
    found = settings().announcement
    return fingerprint(found)[:16] if found else ""


def _kind(text: str) -> Kind:
    try:
        return Kind.named(text)
    except ValueError as error:
        raise Invalid({"kind": str(error)}) from None


def _asked(question: str, word: str, action: str, *, fields: dict[str, str] | None = None) -> Response:
    told = {"question": question, "word": word, "action": action, "fields": fields or {}}
    return page_or_fragment("tuning/confirm.html", "tuning/confirm.html", **told)


def _version(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Conflict(services.MEANWHILE)
    return int(text)


def _optional() -> set[str]:
    return {one.name for one in queries.all_settings() if not one.default}


def _shown(key: str = "", form: Form | None = None) -> dict[str, Any]:
    """What the page shows; `form` is the one that was sent, with its errors."""
    found = {one.name: one for one in queries.all_settings()}
    values = {name: one.value for name, one in found.items()}
    optional = {name for name, one in found.items() if not one.default}

    def form_of(group: Group) -> Form:
        return form if form is not None and group.key == key else form_for(group, values, optional=optional)

    changes, following = queries.changes(limit=10)
    return {
        "groups": [(group, form_of(group)) for group in GROUPS],
        "settings": found,
        "changed_here": queries.CHANGED_HERE,
        "version": queries.version(),
        "changes": changes,
        "people": names_of({one.by for one in changes}),
        "following": following,
        "labels": KNOBS,
        "to_recalculate": queries.to_recalculate(),
        "recalculations": queries.recalculations(),
        "most": queries.COUNT_UP_TO,
    }
