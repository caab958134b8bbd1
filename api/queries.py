"""What stands behind the question mark: every name is known, and given once unless it is a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

REPEATED = "parameter_repeated"


def check_query(request: Request) -> None:
    """Raises RequestValidationError for a name that the route does not know, and for one that is
    given twice: the framework would pass over both, and a filter that is passed over shows too
    much."""
    route = request.scope.get("route")
    assert isinstance(route, APIRoute)
    known = dict(_named(route.dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = []
    for name, times in given.items():
        if name not in known:
            errors.append(_error("extra_forbidden", name, "there is no such parameter here"))
        elif times > 1 and not known[name]:
            errors.append(_error(REPEATED, name, "give it once"))
    if errors:
        raise RequestValidationError(errors)


def _error(kind: str, name: str, message: str) -> dict[str, object]:
    return {"type": kind, "loc": ("query", name), "msg": message}


def _named(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The parameters' names, and whether each may be repeated."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, inner in kind.model_fields.items():
                yield inner.alias or name, get_origin(inner.annotation) is list
        else:
            yield field.alias, get_origin(kind) is list
    for dependency in dependant.dependencies:
        yield from _named(dependency)
