"""What a job's function takes, read from its types: checked when the job is asked for, told as a JSON schema."""

import inspect
import json
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jobs.errors import BadArguments

VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
LARGEST_INTEGER = 2**63 - 1
LARGEST_ARGUMENTS = 65_536
"""Characters of JSON, all of them ASCII."""
FEW, SHORT = 8, 500
"""So many texts of so many characters, each six in JSON at most, cannot be too large."""
_as_json = json.JSONEncoder(default=str).encode
WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    tuple: "a list",
    Sequence: "a list",
    Mapping: "an object",
    None: "empty",
    type(None): "empty",
}
SCHEMAS: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    dict: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    Sequence: {"type": "array"},
    Mapping: {"type": "object"},
    None: {"type": "null"},
    type(None): {"type": "null"},
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: its type as it was written, and what it is when nobody says."""

    name: str
    type: Any
    default: Any = inspect.Parameter.empty
    kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD

    @property
    def is_required(self) -> bool:
        """Whether it has to be given."""
        return self.default is inspect.Parameter.empty


@cache
def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """What the function takes, in order; without a type anything goes."""
    try:
        hints = get_type_hints(function)
    except NameError:  # a type that exists only for the type checker
        hints = {}
    return tuple(
        Parameter(one.name, hints.get(one.name, Any), one.default, one.kind)
        for one in inspect.signature(function).parameters.values()
    )


def named(function: Callable[..., Any], values: tuple[Any, ...], named_values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, as a call `function(*values, **named_values)` would bind them.

    Raises:
        TypeError
    """
    return dict(inspect.signature(function).bind(*values, **named_values).arguments)


def check(kind: str, parameters: tuple[Parameter, ...], args: Mapping[str, Any]) -> None:
    """Return when a function with these parameters takes these arguments, and they are not too large to be kept.

    Raises:
        BadArguments: says what would be right, for each that is wrong
    """
    if _are_plain(parameters, args):
        return  # nearly always, at a tenth of the price
    size = len(_as_json(args))
    if size > LARGEST_ARGUMENTS:
        raise BadArguments(
            kind, {"arguments": f"may have {LARGEST_ARGUMENTS:,} characters of JSON; these have {size:,}"}
        )
    known = {one.name: one for one in parameters}
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    errors = {} if takes_any else dict.fromkeys(args.keys() - known.keys(), "is not an argument of this job")
    for one in parameters:
        if one.kind in VARIABLE:
            continue
        if one.name not in args:
            if one.is_required:
                errors[one.name] = f"is missing; it must be {in_words(one.type)}"
        elif not _fits(args[one.name], one.type):
            errors[one.name] = f"must be {in_words(one.type)}"
    if errors:
        raise BadArguments(kind, errors)


def _are_plain(parameters: tuple[Parameter, ...], args: Mapping[str, Any]) -> bool:
    """Whether each is a small value of exactly the type that was written, few enough to be kept whatever they are."""
    if len(args) != len(parameters) or len(args) > FEW:
        return False
    for one in parameters:
        value: Any = args.get(one.name)
        if type(value) is not one.type:
            return False
        if one.type is int:
            if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
                return False
        elif one.type is str:
            if len(value) > SHORT:
                return False
        elif one.type is not bool:
            return False
    return True


def strange_in(one: Parameter) -> str | None:
    """The name of a type that no JSON value is of, and so nobody could ever give; None when there is none."""
    if one.kind in VARIABLE:
        return None
    waiting = [one.type]
    while waiting:
        kind = waiting.pop()
        origin = get_origin(kind)
        if origin is Literal or kind in FITS or kind is object:
            continue
        if origin in (Union, types.UnionType, *LISTS, *OBJECTS):
            waiting += (inner for inner in get_args(kind) if inner is not ...)
        elif isinstance(origin or kind, type):
            return str((origin or kind).__qualname__)
    return None


def schema(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """A JSON schema of the arguments."""
    properties: dict[str, Any] = {}
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    parameters = tuple(one for one in parameters if one.kind not in VARIABLE)
    for one in parameters:
        properties[one.name] = _schema_of(one.type)
        if not one.is_required and one.default is not None:
            properties[one.name] = {**properties[one.name], "default": one.default}
    return {
        "type": "object",
        "properties": properties,
        "required": [one.name for one in parameters if one.is_required],
        "additionalProperties": takes_any,
    }


def in_words(kind: Any) -> str:
    """What a value of the type is called."""
    origin = get_origin(kind)
    if origin is Literal:
        return "one of: " + ", ".join(str(one) for one in get_args(kind))
    if origin in (Union, types.UnionType):
        return " or ".join(in_words(one) for one in get_args(kind))
    if origin in LISTS and get_args(kind):
        return f"a list ({in_words(get_args(kind)[0])} each)"
    if origin in OBJECTS and get_args(kind)[1] not in (Any, object):
        return f"an object ({in_words(get_args(kind)[1])} each)"
    return WORDS.get(origin or kind, "given")


def _fits(value: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in inner
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if not FITS.get(origin or kind, FITS[Any])(value):
        return False
    if origin in LISTS:
        return all(_fits(one, inner[0]) for one in value)
    return origin not in OBJECTS or all(_fits(one, inner[1]) for one in value.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


FITS: dict[Any, Callable[[Any], bool]] = {
    Any: lambda _: True,
    None: lambda value: value is None,
    type(None): lambda value: value is None,
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    int: lambda value: _is_number(value) and isinstance(value, int) and abs(value) <= LARGEST_INTEGER,
    float: lambda value: _is_number(value) and abs(value) <= sys.float_info.max,
    list: lambda value: isinstance(value, list | tuple),
    tuple: lambda value: isinstance(value, list | tuple),
    dict: lambda value: isinstance(value, Mapping),
    Sequence: lambda value: isinstance(value, list | tuple),
    Mapping: lambda value: isinstance(value, Mapping),
}
LISTS, OBJECTS = (list, tuple, Sequence), (dict, Mapping)


def _schema_of(kind: Any) -> dict[str, Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(one) for one in inner]}
    if origin in LISTS and inner:
        return {"type": "array", "items": _schema_of(inner[0])}
    if origin in OBJECTS and inner[1] not in (Any, object):
        return {"type": "object", "additionalProperties": _schema_of(inner[1])}
    return SCHEMAS.get(origin or kind, {})
