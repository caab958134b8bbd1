"""The transparency log over HTTP: open, in the one spelling, to be kept by caches; and what was
logged is for auditors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio

from api.app import attach
from custody.apikeys.model import Scope
from custody.db.session import Database
from custody.services import make_services
from signer.proof import Proof
from tests.support.translog import ORIGIN, Log
from tests.unit.api.counter import Counter

pytestmark = pytest.mark.database


@pytest_asyncio.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[tuple[Counter, Log]]:
    counter = Counter(database)
    counter.keys["audit"] = await counter.new_key(Scope.AUDIT)
    counter.keys["read"] = await counter.new_key(Scope.READ)
    settings = counter.custody.settings.model_copy(update={"log_origin": ORIGIN})
    counter.custody = replace(counter.custody, settings=settings)
    attach(counter.app, make_services(counter.custody))
    yield counter, Log(database, tmp_path)
    await counter.close()


async def test_anybody_reads_hashes_and_nothing_else(house: tuple[Counter, Log]):
    counter, log = house
    answer = await counter.http.get("/log/checkpoint")
    assert (answer.status_code, answer.json()["code"]) == (404, "log_not_kept")
    for name in "abc":
        await log.bundle(name)
    await log.step()
    answer = await counter.http.get("/log/checkpoint")
    assert answer.status_code == 200
    assert answer.text.startswith(f"{ORIGIN}\n3\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=2"
    answer = await counter.http.get("/log/tile/0/000.p/3")
    assert answer.content == b"".join(await log.leaves())
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("0/000", "0/000.p/4", "entries/000", "entries/000.p/3", "x", "0/000.p/03"):
        answer = await counter.http.get(f"/log/tile/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "log_tile_not_found")
        assert answer.headers.get("cache-control") != "public, max-age=31536000, immutable"


async def test_a_proof_is_for_auditors(house: tuple[Counter, Log]):
    counter, log = house
    digest = (await log.bundle("a")).hex()
    where = f"/v1/log/bundles/{digest}"
    headers = {"Authorization": f"Bearer {counter.keys['audit']}"}
    answer = await counter.http.get(where, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "log_entry_not_found")
    await log.step()
    answer = await counter.http.get(where, headers=headers)
    assert Proof.parse(answer.text).check_record(log.key.public).size == 1
    missing = sha256(b"b").hexdigest()
    answer = await counter.http.get(f"/v1/log/bundles/{missing}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "log_entry_not_found")
    reader = {"Authorization": f"Bearer {counter.keys['read']}"}
    assert (await counter.http.get(where, headers=reader)).status_code == 403
    assert (await counter.http.get(where)).status_code == 401
