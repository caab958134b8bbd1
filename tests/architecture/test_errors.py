"""`docs/errors.md` has every code that the sources give, with the statuses they give it, and no
other."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from api import errors
from api.errorcodes import text, words
from api.errorcodes.requests import COMMANDS
from chains.errors import ChainError
from chains.follow import ReorgTooDeep
from custody import errors as custody
from custody.db import trouble
from custody.ledger.result import Result, is_done
from custody.transactions.outcomes import signer_code
from signer.answers import RefusalCode
from signer.policy import Detail
from tests.support.sources import modules, nodes

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
COMPOSED: Final = {
    "name_invalid": 422,
    "label_invalid": 422,
    "idempotency_key_missing": 422,
}
"""Codes that are put together when they are given: by hand."""
_STATUS: Final = {kind.__name__: status for kind, status in errors.STATUS}
Given = tuple[str, int | None]


def test_the_page_is_committed_as_it_is():
    assert PAGE.read_text(encoding="utf-8") == text(), "run: make errors"


def test_every_code_of_the_sources_is_on_the_page_and_no_other():
    found = {code for code, _ in given()}
    assert found - words().keys() == set(), "not on the page"
    assert words().keys() - found == set(), "given by nobody"


def test_the_statuses_are_those_of_the_sources():
    statuses = defaultdict(set)
    for code, status in given():
        if status is not None and code not in COMMANDS:
            statuses[code].add(status)
    told = {code: set(word.statuses) for code, word in words().items()}
    assert {code: told[code] for code in statuses} == statuses


def given() -> Iterator[Given]:
    yield from COMPOSED.items()
    yield from ((code, status) for status, code in errors._CODES.items())
    yield from ((code, 422) for code in errors._VALIDATION_CODES.values())
    yield from ((code, 422) for code in errors.OWN_CODES)
    yield from (("field_invalid", 422), ("http_error", None), ("unauthenticated", 401))
    yield errors.TooManyWaiting.code, 429
    yield from ((code, 503) for code in (trouble.STORAGE_FULL, trouble.UNAVAILABLE))
    yield from ((signer_code(code), 503) for code in RefusalCode)
    yield from ((detail.value, None) for detail in Detail)
    yield from ((result.code, None) for result in Result if not is_done(result))
    yield from of_chains(ChainError)
    for tree in modules("api", "custody").values():
        for node in nodes(tree):
            yield from of_node(node)


def of_chains(kind: type[ChainError]) -> Iterator[Given]:
    yield kind.code, next((s for known, s in errors.STATUS if issubclass(kind, known)), None)
    for each in kind.__subclasses__():
        if each is not ReorgTooDeep and "devnet" not in each.__module__:  # neither is an answer
            yield from of_chains(each)


def of_node(node: ast.AST) -> Iterator[Given]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]) if (
            issubclass(getattr(custody, name, Exception), custody.CustodyError)
        ):
            yield code, _STATUS.get(name)
        case ast.Call(
            func=ast.Name(id="PydanticCustomError"), args=[ast.Constant(value=str(code)), *_]
        ):
            yield code, 422
        case ast.Call(
            func=ast.Name(id="problem"),
            args=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_],
        ):
            yield code, status
        case ast.Call(func=ast.Name(id="Fault"), args=[ast.Constant(value=str(code)), *_]):
            yield code, None
        case ast.Call(func=ast.Name(id="Later"), args=[ast.Constant(value=str(code)), *_]):
            yield code, None
        case ast.Assign(
            targets=[ast.Attribute(attr="waiting")], value=ast.Constant(value=str(code))
        ):
            yield code, None
