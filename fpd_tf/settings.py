"""Settings: dataclasses that check their values, and `field=value` changes of them."""

import json
import re
from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ArgsKwargs

from fpd_tf.errors import InputError

Settings = TypeVar("Settings")

_RULES = ConfigDict(extra="forbid", allow_inf_nan=False)
_OBJECT = re.compile(r"a (valid )?dictionary( or an instance of \w+)?")


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def validated(cls: type[Settings]) -> type[Settings]:
    """Makes a frozen dataclass that raises InputError for values that do not fit.

    Its annotations are pydantic's. Unknown fields and numbers that are not finite are
    refused too.

    Example:
        >>> from fpd_tf.settings import validated
        >>> @validated
        ... class Margin:
        ...     pixels: int = 2
        >>> Margin(pixels="wide")
        Traceback (most recent call last):
        ...
        fpd_tf.errors.InputError: Margin: pixels: expected a valid integer, ...
    """
    made = dataclass(cls, frozen=True, config=_RULES)
    check = made.__init__

    @wraps(check)
    def __init__(self, *args, **fields):
        try:
            check(self, *args, **fields)
        except ValidationError as error:
            name = cls.__name__
            raise refused(name, error, f"a field of {name}") from None

    made.__init__ = __init__
    return made


def refused(
    source: str | Path, error: ValidationError, unknown_field: str
) -> InputError:
    """The first error that pydantic found, as one line.

    Args:
        source: what was validated.
        error: of pydantic.
        unknown_field: what is expected instead of an unknown field.
    """
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    expected = first["msg"].removeprefix("Input should be ")
    expected = expected.removeprefix("Value error, ")
    expected = _OBJECT.sub("an object", expected).replace("a valid tuple", "a list")
    if first["type"] == "missing":
        expected = "a value"
    if "argument" in first["type"]:
        expected = unknown_field
    if not field and isinstance(first["input"], dict | ArgsKwargs):  # all fields
        return InputError.plain(source, field, f"expected {expected}")
    return InputError(source, field, expected, str(first["input"])[:80])


def with_settings(config: Settings, settings: Sequence[str], what: str) -> Settings:
    """Settings with some of their fields changed, as by `--set`.

    Args:
        config: of a class that is `validated`.
        settings: "field=value" each; "data.sigma=1.5" for the data settings.
        what: they are settings of, for messages.

    Raises:
        InputError: no such field, or a value of the wrong kind.

    Example:
        >>> from fpd_tf.data.pipeline import DataConfig
        >>> from fpd_tf.settings import with_settings
        >>> with_settings(DataConfig(), ["sigma=1.5"], "the data").sigma
        1.5
    """
    schema = TypeAdapter(type(config))
    values = schema.dump_python(config)
    for setting in settings:
        field, equals, text = setting.partition("=")
        *rooms, name = field.split(".")
        part = values
        for room in rooms:
            part = part.get(room) if isinstance(part, dict) else None
        if not equals or not isinstance(part, dict):
            raise InputError("--set", "", f"field=value of {what}", setting)
        part[name] = _value(text)
    try:
        return schema.validate_python(values)
    except ValidationError as error:
        raise refused("--set", error, f"a field of {what}") from None


def _value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text
