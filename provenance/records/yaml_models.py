"""What an operator wrote in YAML, as one of our models, with the line of what is wrong in it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from provenance.errors import ConfigurationError, ReleaseError
from provenance.signing.structured_text import parse_yaml

__all__ = ["parse_model"]

_Model = TypeVar("_Model", bound=BaseModel)


def parse_model(text: str, model: type[_Model], *, where: str) -> _Model:
    """Which document of this kind does the text state?

    Raises:
        ConfigurationError: It is no such document; says where and why.
    """
    try:
        document = parse_yaml(text, where=where)
    except ReleaseError as error:
        raise ConfigurationError(str(error)) from error
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = first["loc"]
        name = ".".join(map(str, place))
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"{where}: line {document.line_of(place) or 1}: {name + ': ' if name else ''}"
            f"{message[0].lower()}{message[1:]}"
        ) from error
