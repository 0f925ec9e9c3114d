"""Accounts on the web: coming in, going out, settings."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for

from app.clock import today
from app.errors import Invalid, NotFound
from app.security import is_remembered, let_in, let_out, me, public, signed_in, someone, token_held, viewers
from app.web import client_address, done, invalid, local_path, page_or_fragment, see_other, settings, shown_once

from . import queries, services
from .browsers import browser_name
from .forms import (
    ConfirmForm,
    KeepForm,
    PasswordForm,
    ProfileForm,
    RememberForm,
    SetUpForm,
    SignInForm,
    SignUpForm,
    TokenForm,
    WeightForm,
)
from .zones import all_zones

THEMES = ("system", "light", "dark")
A_YEAR_S = 365 * 24 * 3600
GUESS_ZONE = {"data-guess-zone": True}

bp = Blueprint("accounts", __name__)
bp.add_app_template_filter(browser_name)


@bp.get("/sign-up")
@public
def sign_up() -> Response:
    """The form that makes an account."""
    person = someone()
    if person:
        return see_other(url_for(".index") if person.is_guest else "/")
    form = SignUpForm()
    form.zone.render_kw = GUESS_ZONE
    return _page("accounts/sign_up.html", form=form, is_open=settings().sign_up_open)


@bp.post("/sign-up")
@public
def create() -> Response:
    """Make the account and sign in."""
    form = SignUpForm(request.form)
    user_id = form.submit(services.sign_up, address=client_address())
    if user_id is None:
        return _again("accounts/sign_up.html", form=form, is_open=True)
    return _come_in(user_id, remember=False)


@bp.get("/sign-in")
@public
def sign_in() -> Response:
    """The form to come back."""
    back = local_path(request.args.get("next"), otherwise="")
    if someone():
        return see_other(back or "/")
    return _page("accounts/sign_in.html", form=SignInForm(), remember=RememberForm(), next=back)


@bp.post("/sign-in")
@public
def create_session() -> Response:
    """Sign in."""
    form, remember = SignInForm(request.form), RememberForm(request.form)
    user_id = form.submit(services.sign_in, address=client_address())
    if user_id is None:
        back = local_path(request.form.get("next"), otherwise="")
        return _again("accounts/sign_in.html", form=form, remember=remember, next=back)
    return _come_in(user_id, remember=bool(remember.remember.data))


@bp.get("/confirm")
@signed_in
def confirm() -> Response:
    """Ask for the password once more, before something that matters."""
    back = local_path(request.args.get("next"), otherwise="/")
    return _page("accounts/confirm.html", form=ConfirmForm(), next=back)


@bp.post("/confirm")
@signed_in
def create_confirmation() -> Response:
    """Note that it was given, and go back."""
    form = ConfirmForm(request.form)
    back = local_path(request.form.get("next"), otherwise="/")
    if not form.accepted(services.confirm, me()):
        return _again("accounts/confirm.html", form=form, next=back)
    return see_other(back)


@bp.post("/sign-out")
@public
def delete_session() -> Response:
    """Sign out, on the server too: the cookie is worth nothing afterwards, wherever it was copied to."""
    services.end_session(token_held() or "")
    let_out()
    response = done(None, see="/", announce="You are signed out.")
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@bp.post("/guest")
@public
def guest() -> Response:
    """Look around with a temporary account."""
    if someone():
        return see_other("/")
    zone = request.form.get("zone", "")
    fill = current_app.extensions.get("fill_demo") or (lambda _user_id: None)
    user_id = services.open_guest_account(
        zone=zone if zone in all_zones() else "UTC", address=client_address(), fill=fill
    )
    return _come_in(user_id, remember=True)


@bp.get("/setup/<token>")
@public
def setup(token: str) -> Response:
    """The form that makes the first admin."""
    if not queries.setup_is_open(token):
        raise NotFound("This link was used, or is older than half an hour. Start the product again for a new one.")
    form = SetUpForm()
    form.zone.render_kw = GUESS_ZONE
    return _unreferred(_page("accounts/setup.html", form=form, token=token))


@bp.post("/setup/<token>")
@public
def create_admin(token: str) -> Response:
    """Make the first admin and sign in."""
    form = SetUpForm(request.form)
    user_id = form.submit(services.set_up, token)
    if user_id is None:
        return _unreferred(_again("accounts/setup.html", form=form, token=token))
    return _unreferred(_come_in(user_id, remember=False))


@bp.get("/settings/")
@signed_in
def index() -> Response:
    """All settings, each section with a button of its own."""
    return _page("accounts/settings.html", **_sections())


@bp.post("/settings/account")
@signed_in
def keep() -> Response:
    """Keep a guest's account."""
    form = KeepForm(request.form, prefix="keep-")
    if not form.accepted(services.keep_account, me().id):
        return _again("accounts/settings.html", **_sections(keep=form))
    return done(None, see=url_for(".index"), announce="This account is yours now, with everything in it.")


@bp.post("/settings/profile")
@signed_in
def update_profile() -> Response:
    """Change name and time zone."""
    form = ProfileForm(request.form, prefix="profile-")
    if not form.accepted(services.change_profile, me().id):
        return _again("accounts/settings.html", **_sections(profile=form))
    return done(None, see=url_for(".index"), announce="Your profile is saved.")


@bp.post("/settings/password")
@signed_in
def update_password() -> Response:
    """Change the password; only this browser stays signed in, with a new session."""
    form = PasswordForm(request.form, prefix="password-")
    if not form.accepted(services.change_password, me().id):
        return _again("accounts/settings.html", **_sections(password=form))
    _let_in(me().id, remember=is_remembered())
    return done(None, see=url_for(".index"), announce="Your password is changed. Other browsers are signed out.")


@bp.post("/settings/theme")
@public
def update_theme() -> Response:
    """Choose the colours; for strangers a cookie remembers it."""
    theme = request.form.get("theme")
    if theme not in THEMES:
        raise Invalid({"theme": f"Choose one of: {', '.join(THEMES)}."})
    person = someone()
    response = _back()
    if person:
        services.choose_theme(person.id, theme)
    else:
        is_https = bool(current_app.config["SESSION_COOKIE_SECURE"])
        response.set_cookie("theme", theme, max_age=A_YEAR_S, secure=is_https, httponly=True, samesite="Lax")
    return response


@bp.post("/settings/live")
@signed_in
def update_live() -> Response:
    """Choose whether pages may refresh themselves."""
    if request.form.get("live") not in {"on", "off"}:
        raise Invalid({"live": "Choose on or off."})
    services.choose_live_updates(me().id, live=request.form["live"] == "on")
    return _back()


@bp.post("/settings/refresh")
@viewers
def update_refresh() -> Response:
    """Choose how often operators' pages refresh themselves."""
    chosen = request.form.get("refresh", "")
    if chosen not in {*map(str, services.REFRESH_S), "off"}:
        raise Invalid({"refresh": f"Choose one of: {', '.join(map(str, services.REFRESH_S))}, off."})
    services.choose_refresh(me().id, None if chosen == "off" else int(chosen))
    return _back()


@bp.post("/settings/weights")
@signed_in
def create_weight() -> Response:
    """Note a weight."""
    form = WeightForm(request.form, prefix="weight-", today=today(me().zone))
    if not form.accepted(services.record_weight, me().id):
        return invalid("accounts/settings.html", "accounts/_weights.html", **_sections(weight=form))
    return _redrawn("weights", "The weight is noted.")


@bp.post("/settings/weights/<int:record_id>/removal")
@signed_in
def delete_weight(record_id: int) -> Response:
    """Remove a weight."""
    services.forget_weight(me().id, record_id)
    return _redrawn("weights", "The weight is removed.")


@bp.post("/settings/sessions/<int:session_id>/end")
@signed_in
def delete_one_session(session_id: int) -> Response:
    """Sign another browser out, or this one."""
    services.end_session_of(me().id, session_id)
    if session_id == me().session_id:
        let_out()
        return done(None, see="/", announce="You are signed out.")
    return _redrawn("sessions", "That browser is signed out.")


@bp.post("/settings/sessions/others/end")
@signed_in
def delete_other_sessions() -> Response:
    """Sign all other browsers out."""
    services.end_other_sessions(me().id, keep=me().session_id)
    return _redrawn("sessions", "All other browsers are signed out.")


@bp.post("/settings/tokens")
@signed_in
def create_token() -> Response:
    """Make an API token and show it, this once; so there is no redirect that would have to carry it."""
    form = _token_form(request.form)
    token = form.submit(services.make_token, me().id)
    if token is None:
        return invalid("accounts/settings.html", "accounts/_tokens.html", **_sections(token=form))
    return shown_once("accounts/settings.html", "accounts/_tokens.html", **(_sections() | {"new_token": token}))


@bp.post("/settings/tokens/<int:token_id>/revocation")
@signed_in
def delete_token(token_id: int) -> Response:
    """Make a token worthless."""
    services.revoke_token(me().id, token_id)
    return _redrawn("tokens", "The token is revoked.")


def _come_in(user_id: int, *, remember: bool) -> Response:
    _let_in(user_id, remember=remember)
    return see_other(local_path(request.form.get("next"), otherwise="/"))


def _let_in(user_id: int, *, remember: bool) -> None:
    browser = request.user_agent.string
    token = services.begin_session(user_id, browser=browser, remember=remember, instead_of=token_held())
    let_in(token, remember=remember)


def _back() -> Response:
    return see_other(local_path(request.form.get("next"), otherwise="/"))


def _page(page: str, **context: Any) -> Response:
    return page_or_fragment(page, page, **context)


def _again(page: str, **context: Any) -> Response:
    return invalid(page, page, **context)


def _unreferred(response: Response) -> Response:
    """The address of the page is a secret: no other page may learn it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _redrawn(section: str, announce: str) -> Response:
    see = url_for(".index", _anchor=section)
    return done(f"accounts/_{section}.html", see=see, announce=announce, **_sections())


def _token_form(sent: Any = None) -> TokenForm:
    form = TokenForm(sent, prefix="token-")
    form.offer_to(me())
    return form


def _sections(**forms: Any) -> dict[str, Any]:
    """What the settings page shows; `forms` holds the one that was sent, with its errors.

    Features above bring sections of their own: templates, each with what gives it its context.
    """
    person, day = me(), today(me().zone)
    fresh = {
        "keep": KeepForm(prefix="keep-"),
        "profile": ProfileForm(prefix="profile-", name=person.name, zone=person.zone),
        "password": PasswordForm(prefix="password-"),
        "weight": WeightForm(prefix="weight-", today=day, on_day=day.isoformat()),
        "token": _token_form(),
    }
    others: Mapping[str, Callable[[], Mapping[str, Any]]] = current_app.extensions.get("settings_sections", {})
    context: dict[str, Any] = {}
    for section in others.values():
        context |= section()
    return context | {
        "other_sections": list(others),
        "forms": fresh | forms,
        "today": day,
        "weights": queries.weights_of(person.id),
        "sessions": queries.sessions_of(person.id),
        "tokens": queries.tokens_of(person.id),
        "new_token": None,
    }
