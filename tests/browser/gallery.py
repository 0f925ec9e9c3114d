"""A small site on the product's layouts, macros and script, for what no page shows at will."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from flask import Flask, Response, flash, make_response, redirect, render_template, request
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.serving import WSGIRequestHandler, make_server
from wtforms import PasswordField, RadioField, SelectField, StringField, TextAreaField, validators
from wtforms.fields.choices import SelectChoice

ROOT = Path(__file__).parents[2]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


NEEDED = (validators.InputRequired("Fill this in."),)


class Sample(FlaskForm):
    """One field of each sort."""

    kind = RadioField(
        "What did you do?",
        choices=[SelectChoice("running", "Running"), SelectChoice("yoga", "Yoga")],
        validators=NEEDED,
    )
    duration = StringField("How long?", description="Minutes, or 1:30.", validators=NEEDED)
    zone = SelectField("Time zone", choices=[SelectChoice(zone, zone) for zone in ("Europe/Berlin", "Pacific/Apia")])
    password = PasswordField("Password", validators=NEEDED)
    notes = TextAreaField("Notes", validators=[validators.Length(max=20)])


class Person:
    """Ada, as the layouts want to know her."""

    name = "Ada with a name that is longer than any rail is wide"
    is_admin, is_guest, theme, live_updates = True, True, "system", True


class Quiet(WSGIRequestHandler):
    """No line per request in the output of the tests."""

    def log(self, *_: Any) -> None:
        pass


class Gallery:
    """The site, served by a thread; its attributes are what the tests steer and read."""

    def __init__(self) -> None:
        self.reset()
        self._server = make_server("127.0.0.1", 0, self._app(), threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self) -> None:
        """Nobody has polled, nothing fails, `left` changes are to come, nothing is remembered."""
        self.polls, self.posts, self.left, self.status = 0, 0, 3, 200
        self.remembered: dict[str, str] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _app(self) -> Flask:
        app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
        app.config["SECRET_KEY"] = "a key for the gallery and nothing else"
        app.jinja_loader.searchpath.append(str(Path(__file__).with_name("gallery_templates")))  # type: ignore[union-attr]
        CSRFProtect(app)
        app.after_request(self._under_policy)
        app.context_processor(lambda: {"me": Person(), "app_version": "0", "environment_name": "gallery"})
        app.add_url_rule("/", view_func=self.parts)
        app.add_url_rule("/live", view_func=self.live)
        app.add_url_rule("/region", view_func=self.region)
        app.add_url_rule("/total", view_func=lambda: '<p id="total">refreshed</p>', endpoint="total")
        app.add_url_rule("/form", view_func=self.form, methods=["GET", "POST"])
        app.add_url_rule("/confirm", view_func=lambda: render_template("confirm.html"), endpoint="confirm")
        app.add_url_rule("/settings/<name>", view_func=self.remember, methods=["POST"])
        app.add_url_rule("/problem", view_func=self.problem)
        return app

    def parts(self) -> str:
        flash({"text": "Morning run deleted.", "action": "/form", "word": "Undo"}, "success")
        flash("That did not work.", "problem")
        return render_template("parts.html", form=Sample(), then=datetime.now(UTC) - timedelta(minutes=5))

    def live(self) -> str:
        return render_template("live.html", number=0, waiting=True)

    def region(self) -> Response | tuple[str, int]:
        self.polls += 1
        if self.status != 200:
            return "", self.status
        self.left -= 1
        response = make_response(render_template("_region.html", number=self.polls, waiting=self.left > 0))
        if self.left <= 0:
            response.headers["HX-Trigger"] = '{"activity-settled": "", "announce": {"text": "Running: 315 kcal"}}'
        return response

    def form(self) -> tuple[str, int]:
        form = Sample()
        if request.method == "POST":
            self.posts += 1
            time.sleep(0.3)
            form.validate()
        fragment = request.headers.get("HX-Request") == "true"
        return render_template("_sample.html" if fragment else "sample.html", form=form), 422 if form.errors else 200

    def remember(self, name: str) -> Any:
        self.remembered[name] = request.form[name]
        return redirect(request.form["next"], 303)

    def problem(self) -> tuple[str, int]:
        words = {"title": "Nothing here", "message": "This page does not exist.", "hint": "Start again from Today."}
        return render_template("errors/problem.html", status=404, request_id="9f2c1b7e", **words), 200

    def _under_policy(self, response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response
