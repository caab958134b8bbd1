"""Asks for transfers that rules want, as whoever has the rule's API key would by hand.

The caller has committed a row first, and request and retry key follow from it: so asking again
after a death, or by two at once, gives the answer that was given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from chains.errors import InvalidInput
from custody.apikeys.model import Caller, Scope
from custody.apikeys.repository import in_force
from custody.db.session import Database, ReadSession
from custody.db.tables import ApiKeyRow
from custody.errors import Conflict, Forbidden, Invalid, NotFound, Unprocessable
from custody.journal.repository import place
from custody.ledger.service import Ledger
from custody.transactions.outcomes import trouble
from custody.transfers import repository
from custody.transfers.apply import transition
from custody.transfers.request import Answer, Idempotency, Shown, TransferRequest
from custody.transfers.service import Transfers
from custody.transfers.state import REPEATABLE, WAITING, Event
from signer.wire import canonical_json

_AGAIN: Final = ("try_again", "network_unknown")
"""A network without a node here is another process's."""
REVOKED: Final = "api_key_revoked"

UNPAID: Final = frozenset(state.value for state in REPEATABLE)
"""States of a transfer of which nothing comes any more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`code`: why nothing comes of it."""

    transfer: str | None = None
    code: str | None = None


async def ask(
    database: Database, transfers: Transfers, key: str, request: TransferRequest, retry: Idempotency
) -> Asked | None:
    """None: it is to be asked again later."""
    async with database.read() as session:
        row = await in_force(session, key)
    if row is None:
        return Asked(code=REVOKED)
    try:
        answer = await transfers.create(request, caller_of(row), retry, _Told())
    except (Invalid, NotFound, Conflict, InvalidInput) as error:
        return None if error.code in _AGAIN else Asked(code=error.code)
    except Exception as error:  # noqa: BLE001 - `trouble` tells them apart
        trouble(error, retry.key)
        return None
    said = json.loads(answer.body)
    return Asked(said.get("transfer"), said.get("code"))


async def call_off(
    database: Database, ledger: Ledger, transfer: str, waiting: str, now: datetime
) -> bool:
    """One that still waits for `waiting`, so that nobody may have signed it. False: it is not so
    any more, or the signer is ahead."""
    async with database.write() as session:
        row = await repository.lock_transfer(session, transfer)
        assert row is not None
        if row.state not in WAITING or row.waiting != waiting:
            return False
        if (await place(session)).closed_since is not None:
            return False
        await transition(session, ledger, row, Event.CANCEL, now, f"by its rule: {waiting}")
    return True


def caller_of(key: ApiKeyRow) -> Caller:
    return Caller(key.id, key.initiator, key.client_id, frozenset({Scope.TRANSFER}))


def retry_key(route: str, name: str, asked: dict[str, Any]) -> Idempotency:
    """No client can send a key with a space in it, and `name` has one."""
    assert " " in name
    return Idempotency(route, name, sha256(canonical_json(asked)).digest())


async def check_key(session: ReadSession, key: str, client: str) -> str | None:
    """Whether rules may ask with it for the client's vaults; else why not, in words. Raises
    Forbidden (scope_missing, key_bound_to_client)."""
    row = await in_force(session, key)
    if row is None:
        return "There is no such API key in force."
    if Scope.TRANSFER not in row.scopes.split():
        raise Forbidden("scope_missing", "this needs an API key with the scope transfer")
    if row.client_id not in (None, client):
        raise Forbidden("key_bound_to_client", "this key is another client's")
    return None


class _Told:
    """Renders an answer as what it is for a rule."""

    def created(self, made: Shown) -> Answer:
        return Answer(201, canonical_json({"transfer": made.row.id}))

    def denied(self, made: Shown) -> Answer:
        return Answer(422, canonical_json({"transfer": made.row.id, "code": "policy_denied"}))

    def refused(self, error: Unprocessable) -> Answer:
        return Answer(422, canonical_json({"code": error.code}))
