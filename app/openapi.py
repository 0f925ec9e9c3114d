"""The API as a whole: how its requests are read, its OpenAPI document, and the page that shows it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from flask import Blueprint as Pages
from flask import Flask, Request, Response, current_app, render_template, request, url_for
from flask_smorest import Api
from flask_smorest import Blueprint as Endpoints
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app import strict_json
from app.errors import Invalid
from app.once import HEADER, Sent, once, print_of
from app.security import me, public
from app.web import see_other

Bodies = Callable[[], Mapping[str, dict[str, Any]]]
View = TypeVar("View", bound=Callable[..., Any])

pages = Pages("api", __name__, url_prefix="/api")
older = Pages("older", __name__)

JSON = "application/json"
PROBLEM = "application/problem+json"
LONGEST_KEY = 200
KEY = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "maxLength": LONGEST_KEY},
    "description": "Sent again with the same body, the request answers 200 with what the first one made, for a week. "
    "With another body it is refused with 422.",
}


class BadKey(BadRequest):
    """An Idempotency-Key that cannot be one."""

    description = f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters."


class RepeatedKey(BadRequest):
    """Two programs could read it differently."""

    description = "A key of the address is given more than once."


class StrictParser(FlaskParser):
    """Reads bodies as `strict_json` does, and refuses what a request names twice or in vain.

    A body whose schema says that it `need_not_come` may be missing.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": "raise"}  # noqa: RUF012

    def use_args(self, argmap: Any, req: Any = None, *, location: str | None = None, **options: Any) -> Any:
        """As the library does it; bodies in one step, because its general way is a tenth of a small request."""
        if location != "json":
            return super().use_args(argmap, req, location=location, **options)
        schema = argmap() if isinstance(argmap, type) else argmap

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def with_body(*values: Any, **named_values: Any) -> Any:
                try:
                    is_silent = getattr(schema, "need_not_come", False) and not request.get_data()
                    given = schema.load({} if is_silent else read_json(request))
                except ValidationError as error:
                    raise Invalid(by_field(error)) from None
                return view(*values, given, **named_values)

            return with_body

        return decorator

    def load_querystring(self, req: Request, schema: Any) -> Any:
        """The query, each key once."""
        refuse_repeated(req.args)
        return super().load_querystring(req, schema)


class Decorator(Protocol):
    """Gives a view back as the view it is."""

    def __call__(self, view: View, /) -> View: ...


class ApiBlueprint(Endpoints):  # type: ignore[misc]
    """A feature's part of the API."""

    ARGUMENTS_PARSER = StrictParser()

    # flask-smorest has no types; these are its decorators' own.
    get: Callable[..., Decorator]
    post: Callable[..., Decorator]
    put: Callable[..., Decorator]
    patch: Callable[..., Decorator]
    delete: Callable[..., Decorator]
    arguments: Callable[..., Decorator]
    response: Callable[..., Decorator]

    @staticmethod
    def doc(**told: Any) -> Decorator:
        """Describe the view further."""
        return _noted(Endpoints.doc(**told))

    def alt_response(self, *args: Any, **told: Any) -> Decorator:
        """Describe what else the view may answer."""
        return _noted(super().alt_response(*args, **told))


def _noted(describe: Callable[[Any], Any]) -> Decorator:
    """What only describes a view, on the view itself: the library puts a function around it for each description."""

    def decorator(view: Any) -> Any:
        view._apidoc = describe(view)._apidoc
        return view

    return decorator


class ErrorOut(Schema):
    """What was wrong with one field, or, without a field, with all of it."""

    field = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)


class EachOut(Schema):
    """What became of one of many."""

    status = fields.Integer(
        required=True,
        metadata={"enum": [200, 201, 422], "description": "201: made. 200: made when it was sent before."},
    )
    errors = fields.List(fields.Nested(ErrorOut), metadata={"description": "Of a 422: what is wrong with it."})


class ProblemOut(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ErrorOut), required=True)
    request_id = fields.String(required=True)


class DocumentedApi(Api):  # type: ignore[misc]
    """Describes our own way of telling problems; and does it when somebody asks, for it takes as long as a start."""

    ERROR_SCHEMA = ProblemOut

    def __init__(self, app: Flask, bodies: Bodies) -> None:
        self._bodies = bodies
        self._undescribed: list[ApiBlueprint] = []
        self._document: dict[str, Any] | None = None
        self._describing = threading.Lock()
        super().__init__(app)

    def register_blueprint(self, blp: ApiBlueprint) -> None:
        """Mount its views."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp)
        self._undescribed.append(blp)

    def document(self) -> dict[str, Any]:
        """What describes all that is mounted."""
        with self._describing:
            if self._document is None:
                for blp in self._undescribed:
                    blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
                    self.spec.tag({"name": blp.name, "description": blp.description})
                for name, schema in self._bodies().items():
                    self.spec.components.schema(name, schema)
                self._document = _described(self)
            return self._document


def refuse_repeated(args: MultiDict[str, str]) -> None:
    """Refuse a query that gives one key several values. Raises RepeatedKey."""
    if len(args) != sum(1 for _ in args.items(multi=True)):
        raise RepeatedKey


def read_json(request: Request) -> Any:
    """The JSON a request brings.

    Raises:
        UnsupportedMediaType, BadJson
    """
    # Most say just this, and taking a header apart costs more than reading a small body.
    if request.environ.get("CONTENT_TYPE") != JSON and request.mimetype != JSON:
        raise UnsupportedMediaType
    return strict_json.loads(request.get_data())


def idempotency_key(about: str) -> str | None:
    """The key under which this request may be sent again, apart from those `about` other things; None without one.

    Raises:
        BadKey
    """
    key = request.headers.get(HEADER)
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadKey
    return None if key is None else f"{about}:{key}"


def sent_once(about: str, make: Callable[[], list[Any]], *, content: Any = None) -> Sent:
    """Do what the request asks for; with an Idempotency-Key only once for the same `content`.

    Raises:
        BadKey
        Invalid: the key was used for other content
    """
    key = idempotency_key(about)
    return once(me().id, make, key=key, content_print=print_of(content) if key else "")


def of_each(sent: Sent) -> list[dict[str, Any]]:
    """What became of each of many; what was made when the request was sent before is told with 200 and not 201."""
    return [one if sent.is_new or one["status"] != 201 else {**one, "status": 200} for one in sent.made]


class Answer(Response):
    """JSON whose headers are final: the library would copy them and look for what to correct."""

    default_mimetype = JSON

    def get_wsgi_headers(self, _environ: Any) -> Headers:
        """As they are."""
        return self.headers


def answer(content: Mapping[str, Any], *, status: int = 200) -> Response:
    """The content as JSON that nobody keeps."""
    return Answer(f"{current_app.json.dumps(content)}\n", status=status)


def by_field(error: ValidationError) -> dict[str, str]:
    """What was wrong, a sentence by field; in a list by number and field, as "3.args"."""
    return dict(_flat(error.normalized_messages(), ""))  # type: ignore[no-untyped-call]


def _flat(messages: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _flat(inner, path if name == "_schema" else f"{path}.{name}".strip("."))
    else:
        yield path, messages if isinstance(messages, str) else " ".join(str(one) for one in messages)


def listed(errors: Mapping[str, str]) -> list[dict[str, str]]:
    """Sentences by field as `ErrorOut` describes them."""
    return [{"field": name, "code": "invalid", "message": sentence} for name, sentence in errors.items()]


def install(app: Flask, *blueprints: ApiBlueprint, version: str, bodies: Bodies = dict) -> None:
    """Mount the features' parts of the API, with the document and the page that describe them.

    `bodies` are the schemas, by name, that are known only once the kinds of job are; views refer to them by name.
    """
    app.config.update(
        API_TITLE="Metronome",
        API_VERSION=version,
        OPENAPI_VERSION="3.0.3",
        API_SPEC_OPTIONS={
            "info": {"description": "Log activities; their energy is worked out in the background, and none is lost."},
            "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
            "security": [{"token": []}],
        },
    )
    api = DocumentedApi(app, bodies)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    app.extensions["openapi"] = api
    app.register_blueprint(pages)
    app.register_blueprint(older)


@pages.get("/docs/", endpoint="docs_older")
@older.get("/swagger/")
@public
def older_docs() -> Response:
    """The document, under older names."""
    return see_other(url_for("api.docs"))


@pages.get("/openapi.json")
@public
def document() -> Response:
    """The OpenAPI document."""
    response = cast("Response", current_app.json.response(current_app.extensions["openapi"].document()))
    response.headers["Cache-Control"] = "no-cache"
    return response


@pages.get("/docs")
@public
def docs() -> str:
    """The document to read and to try out."""
    return render_template("shared/api_docs.html", spec_url=url_for("api.document"))


def _described(api: Api) -> dict[str, Any]:
    """The document, in what the library does not let us say: features by their names, problems by their type."""
    told: dict[str, Any] = api.spec.to_dict()
    for tag in told["tags"]:
        tag["name"] = _spoken(tag["name"])
    for operation in (one for path in told["paths"].values() for one in path.values() if "tags" in one):
        operation["tags"] = [_spoken(tag) for tag in operation["tags"]]
    for response in told["components"]["responses"].values():
        if content := response.get("content"):
            response["content"] = {PROBLEM: content["application/json"]}
    return told


def _spoken(tag: str) -> str:
    """The name of a feature's blueprint as people say it."""
    return tag.removesuffix("_api").replace("_", " ").capitalize()
