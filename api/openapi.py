"""The OpenAPI document: what the routes say, completed, and written to `docs/openapi.json`.

python -m api.openapi docs/openapi.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext
from pydantic import BaseModel

from api.auth import api_routes, scope_of
from api.routes import routes
from api.schemas import Body, Problem, View

VERSION = "0.1.0"
DESCRIPTION = """
Custody of coins on several blockchains. Money is moved by an isolated signer under a signed policy;
this API asks for it and tells what became of it.

* **Keys.** `Authorization: Bearer ck_…`. A key has scopes (`read`, `receive`, `transfer`, `ask`,
  `approve`, `audit`, `compliance`, `admin`; none of them includes another) and may be bound to one
  client: then nothing of other clients exists.
* **Amounts** are strings: a decimal in the asset's unit, and an integer in base units. Nothing is
  rounded.
* **Errors** are RFC 9457 problems. Programs read `code`; people read `detail`.
* **Retries.** Send an `Idempotency-Key`; the same key and request get the same answer.
* **Events.** `GET /v1/events` is one feed of every change, without gaps, to react to.
* **Lists** are pages in order of creation: pass `next_cursor` as `cursor`.
""".strip()


def describe(app: FastAPI) -> None:
    """Make `app` serve the completed document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def build(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with the problem schema, scopes, names and an example for each body."""
    document = get_openapi(
        title="Custody",
        version=VERSION,
        description=DESCRIPTION,
        routes=app.routes,
    )
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in [*_subclasses(View), *_subclasses(Body)]:
        extra = model.model_config.get("json_schema_extra")
        if model.__name__ in schemas and isinstance(extra, dict):
            # FastAPI drops what is null in them; an example shows every field.
            schemas[model.__name__] |= extra
    for route in api_routes(app):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            for operation in _operations(document, route):
                _complete(operation, route)
    for media in _json_bodies(document):
        example = example_of(media["schema"], schemas)
        if example is not None:
            media["example"] = example
    return document


def example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The example of a body: the schema's own, or a page with one item."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if schema.get("examples"):
        return schema["examples"][0]
    items = schema.get("properties", {}).get("items", {}).get("items")
    if items is not None and "next_cursor" in schema["properties"]:
        return {"items": [example_of(items, schemas)], "next_cursor": None}
    return None


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from _subclasses(each)


def _operations(document: dict[str, Any], route: RouteContext) -> Iterator[dict[str, Any]]:
    for method in sorted(route.methods or ()):
        yield document["paths"][str(route.path_format)][method.lower()]


def _complete(operation: dict[str, Any], route: RouteContext) -> None:
    operation["operationId"] = route.name
    scope = scope_of(route)
    if scope is not None:
        operation["description"] = f"{operation['description']}\n\nScope: `{scope}`."
        operation["x-scope"] = scope.value


def _json_bodies(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        for operation in path.values():
            holders = [operation.get("requestBody", {}), *operation["responses"].values()]
            for holder in holders:
                if "application/json" in holder.get("content", {}):
                    yield holder["content"]["application/json"]


def text_of(document: dict[str, Any]) -> str:
    """As it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(target: str) -> None:
    """Write the document, from the routes alone: nothing is opened."""
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(routes())
    Path(target).write_text(text_of(build(app)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs/openapi.json")
