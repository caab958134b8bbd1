"""API keys: shown once, stored as digests, found by exactly themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from custody.apikeys.model import Caller, Scope
from custody.apikeys.service import authenticate, create_key, list_keys, revoke_key
from custody.db.session import Database
from custody.db.tables import ClientRow
from custody.errors import Forbidden, Invalid, NotFound

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def make(
    database: Database, *scopes: Scope, client_id: str | None = None, initiator: str = "robot"
):
    async with database.write() as session:
        return await create_key(
            session, name="n", initiator=initiator, scopes=scopes, client_id=client_id, now=NOW
        )


async def who(database: Database, secret: str) -> Caller | None:
    async with database.read() as session:
        return await authenticate(session, secret)


async def test_a_key_is_its_owner(database: Database):
    async with database.write() as session:
        session.add(ClientRow(id="cli_1", name="Bank", created_at=NOW))
    made = await make(database, Scope.TRANSFER, Scope.READ, client_id="cli_1")
    assert re.fullmatch(r"ck_[0-9a-z]{26}_[A-Za-z0-9_-]{43}", made.secret)
    assert made.secret not in repr(made)
    caller = await who(database, made.secret)
    assert caller == Caller(made.id, "robot", "cli_1", frozenset({Scope.READ, Scope.TRANSFER}))
    assert (caller.sees("cli_1"), caller.sees("cli_2")) == (True, False)
    caller.check_scope(Scope.READ)
    with pytest.raises(Forbidden) as refused:
        caller.check_scope(Scope.ADMIN)
    assert refused.value.code == "scope_missing"


async def test_only_the_digest_is_stored(database: Database):
    made = await make(database, Scope.READ)
    async with database.read() as session:
        (row,) = await list_keys(session)
    assert row.digest == sha256(made.secret.encode()).digest()
    assert made.secret[31:] not in repr(vars(row))


async def test_nearly_the_key_is_nobody(sqlite: Database):
    made = await make(sqlite, Scope.READ)
    last = "A" if made.secret[-1] != "A" else "B"
    for wrong in ("", "ck_", made.secret[:-1], made.secret[:-1] + last, made.secret + "A"):
        assert await who(sqlite, wrong) is None
    assert await who(sqlite, made.secret.upper()) is None
    assert await who(sqlite, f"{made.secret}\n") is None


async def test_a_revoked_key_is_nobody(sqlite: Database):
    kept, revoked = await make(sqlite, Scope.READ), await make(sqlite, Scope.READ)
    async with sqlite.write() as session:
        await revoke_key(session, revoked.id, NOW)
    assert await who(sqlite, revoked.secret) is None
    assert await who(sqlite, kept.secret) is not None
    with pytest.raises(NotFound):
        async with sqlite.write() as session:
            await revoke_key(session, revoked.id, NOW)


async def test_a_successor_asks_as_the_same_initiator(sqlite: Database):
    first, second = await make(sqlite, Scope.TRANSFER), await make(sqlite, Scope.TRANSFER)
    callers = [await who(sqlite, made.secret) for made in (first, second)]
    assert [caller and caller.initiator for caller in callers] == ["robot", "robot"]
    assert first.id != second.id


@pytest.mark.parametrize("name", ["", " ", "two  spaces", "r\u00f6bot", "ro\u200bbot", "a\nb"])
async def test_an_initiator_has_a_name_that_a_policy_could_have(sqlite: Database, name: str):
    with pytest.raises(Invalid) as refused:
        await make(sqlite, Scope.READ, initiator=name)
    assert refused.value.code == "initiator_invalid"
    async with sqlite.read() as session:
        assert await list_keys(session) == []


async def test_keys_that_could_do_nothing_or_belong_to_nobody(sqlite: Database):
    with pytest.raises(Invalid):
        await make(sqlite)
    with pytest.raises(NotFound):
        await make(sqlite, Scope.READ, client_id="cli_nobody")
