"""The OpenAPI document: committed as served, complete, and kept by the application itself."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import unicodedata
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import validator_for
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.errorcodes.requests import FORM
from api.errors import PROBLEM_JSON
from api.openapi import build, text_of
from api.paging import encode_cursor
from api.routes import routes
from api.v1 import events
from custody.apikeys.model import Scope
from custody.audit.bundle import MEDIA_TYPE
from custody.db.session import Database
from custody.texts import PRINTABLE, fits
from tests.unit.api.counter import Counter, Furniture, opened

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
METHODS = ("get", "post")
EXPORTS = [f"/v1/audit/{noun}" for noun in ("entries", "transfers", "deposits")]
EXPORTS.append("/v1/payout-files/{payout_file_id}/result")
BUNDLES = {
    "/v1/transfers/{transfer_id}/evidence": MEDIA_TYPE,
    "/v1/log/bundles/{digest}": "text/plain",
    "/log/checkpoint": "text/plain",
    "/log/tile/{path}": "application/octet-stream",
}
EXPORTED = ["text/csv", "application/jsonl"]
UPLOADS = ["/v1/payout-files"]


DOCUMENT: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
"""Tests are named after it, so every process that collects tests needs it: reading it takes a
hundredth of the time of making it."""
OPERATIONS = [
    (path, method, DOCUMENT["paths"][path][method])
    for path in DOCUMENT["paths"]
    for method in METHODS
    if method in DOCUMENT["paths"][path]
]


def test_it_is_committed_as_it_is():
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(routes())
    assert COMMITTED.read_text(encoding="utf-8") == text_of(build(app)), "run: make openapi"


async def test_it_is_served_as_it_is(counter: Counter):
    served = (await counter.call("GET", "/openapi.json", key=None)).json()
    assert served == DOCUMENT


@pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[f"{m} {p}" for p, m, _ in OPERATIONS]
)
def test_every_route_is_documented(path: str, method: str, operation: dict[str, Any]):
    assert operation["summary"]
    assert operation["description"]
    for status, response in operation["responses"].items():
        told = {
            media_type: content["example"] for media_type, content in response["content"].items()
        }
        assert all(told.values()), status
        good = EXPORTED if path in EXPORTS else [BUNDLES.get(path, "application/json")]
        expected = good if status[0] == "2" or path == "/ready" else [PROBLEM_JSON]
        assert list(told) == expected
    if "requestBody" in operation:
        bodies = operation["requestBody"]["content"]
        assert list(bodies) == (EXPORTED if path in UPLOADS else ["application/json"])
        assert all(each["example"] for each in bodies.values())
    if path.startswith("/v1"):
        assert operation["x-scope"] in [scope.value for scope in Scope]
        by_key: list[Any] = [] if path == "/v1/rpc/{token}" else [{"api-key": []}]
        assert operation["security"] == by_key
        assert {"401", "403", "422"} <= operation["responses"].keys()


def test_operation_ids_are_distinct():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names) == 94


def test_examples_fit_their_schemas():
    """Each example of an answer or a body is valid under the schema beside it."""
    for path, method, operation in OPERATIONS:
        holders = [operation.get("requestBody", {}), *operation["responses"].values()]
        for holder in holders:
            for content in holder.get("content", {}).values():
                schema = {**content["schema"], "components": DOCUMENT["components"]}
                errors = [str(e) for e in validator_for(schema).iter_errors(content["example"])]
                assert errors == [], (path, method)


# What the document promises, the application keeps: schemathesis makes requests from it, good and
# bad ones, and checks each answer against it.

SCHEMA = from_dict(DOCUMENT)


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """For events that will not come: by this clock half a minute is always over."""
    clock = SimpleNamespace(monotonic=partial(next, count(0, 100)))
    monkeypatch.setattr(events, "time", clock)


@pytest.fixture(scope="module")
def asked(
    furnished: tuple[Path, Furniture], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, Counter]]:
    """A counter that lives through all generated requests, on an event loop of its own."""
    template, furniture = furnished
    path = tmp_path_factory.mktemp("asked") / "asked.sqlite3"
    shutil.copy(template, path)
    with asyncio.Runner() as runner:
        database = Database(f"sqlite+aiosqlite:///{path}")
        context = opened(database, furniture)
        counter = runner.run(context.__aenter__())
        key = runner.run(counter.new_key(*Scope))
        counter.keys["all"] = key
        yield runner, counter
        runner.run(context.__aexit__(None, None, None))
        runner.run(database.close())


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method, _ in OPERATIONS])
def test_it_is_kept(asked: tuple[asyncio.Runner, Counter], path: str, method: str):
    runner, counter = asked

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=SCHEMA[path][method.upper()].as_strategy())
    def keep(case: schemathesis.Case) -> None:
        answer = runner.run(send(counter, case))
        if answer.status_code >= 400 and path != "/ready":
            assert answer.headers["content-type"] == PROBLEM_JSON
            assert answer.json()["code"]
        case.validate_response(answer, checks=CHECKS)

    keep()


RELATIVE = frozenset({"range_empty", "unauthenticated", "scope_missing", "key_bound_to_client"})
"""Two values together, or who asks: no schema can say that."""
OF_FORM = frozenset(FORM) - RELATIVE | {
    "amount_malformed",
    "name_invalid",
    "label_invalid",
    "reason_invalid",
}
"""What a request made from the document is never refused for."""


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method, _ in OPERATIONS])
def test_what_it_allows_is_not_refused_for_its_form(
    asked: tuple[asyncio.Runner, Counter], path: str, method: str
):
    runner, counter = asked
    positive = SCHEMA[path][method.upper()].as_strategy(generation_mode=GenerationMode.POSITIVE)

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=positive)
    def keep(case: schemathesis.Case) -> None:
        answer = runner.run(send(counter, case))
        if answer.status_code >= 400 and path != "/ready":
            # Cursors of this list are pieces of digests, which no readable pattern describes.
            by_digest = {"cursor_invalid"} if path == "/v1/audit/policies" else set()
            assert answer.json()["code"] not in OF_FORM - by_digest, answer.text

    keep()


def test_patterns_are_the_rules_that_are_checked():
    """Every number that a cursor can hold, and texts of every kind of character."""
    pattern = next(
        each["schema"]["anyOf"][0]["pattern"]
        for each in DOCUMENT["paths"]["/v1/transfers"]["get"]["parameters"]
        if each["name"] == "cursor"
    )
    for number in [*range(2_000), *(10**n - 1 for n in range(1, 17)), *(10**n for n in range(16))]:
        assert re.fullmatch(pattern, encode_cursor(f"seq_{number}")), number
    for other in ("seq_", "seq_a", "seq_1" + "0" * 16, "cli_1"):
        assert not re.fullmatch(pattern, encode_cursor(other)), other
    is_text = validator_for({"type": "string", "pattern": PRINTABLE})
    for point in range(0x3100):
        assert is_text.is_valid(chr(point)) == fits(chr(point), PRINTABLE), hex(point)
        if unicodedata.category(chr(point)) != "Cn":
            assert fits(chr(point), PRINTABLE) == chr(point).isprintable(), hex(point)
    assert not fits("\ud800", PRINTABLE)


async def send(counter: Counter, case: schemathesis.Case) -> httpx2.Response:
    wanted = case.as_transport_kwargs(base_url="http://custody")
    known = ("method", "url", "params", "json")
    arguments = {name: wanted[name] for name in known if wanted.get(name) is not None}
    if wanted.get("data") is not None:
        data = wanted["data"]
        arguments["content"] = data if isinstance(data, bytes) else str(data).encode()
    headers = {name: str(value) for name, value in (wanted.get("headers") or {}).items()}
    headers["Authorization"] = f"Bearer {counter.keys['all']}"
    raw = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers.items()]
    return await counter.http.request(headers=raw, **arguments)
