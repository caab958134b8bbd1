"""The ledger's history: every entry, once, in the order in which they were committed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.feedcursors import BEGINNING, FeedCursor, decode, encode
from api.paging import LIMIT_DEFAULT, LIMIT_MAX
from api.schemas import Identifier, Money, View, money, with_example
from chains.catalogue import Catalogue
from custody.db.tables import LedgerEntryRow
from custody.feeds import repository
from custody.feeds.repository import Cursor
from custody.ledger.model import AccountKey, AccountKind, Kind, Reason
from custody.ledger.repository import keys_of
from custody.vaults import repository as vaults

router = APIRouter(prefix="/entries", tags=["balances"])

SIDE_EXAMPLE = {"account": "vault", "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k"}
ENTRY_EXAMPLE = {
    "sequence": 12,
    "id": "ent_01k9zv6d4e5f6g7h8j9k0m1n2p",
    "kind": "settle",
    "reason": "transfer",
    "subject": "tfr_01k9zv7d4e5f6g7h8j9k0m1n2p",
    "asset": "eip155:31337/slip44:60",
    "symbol": "ETH",
    "amount": {"amount": "1.25", "amount_base_units": "1250000000000000000"},
    "debit": SIDE_EXAMPLE,
    "credit": {"account": "chain", "vault_id": None},
    "ends": "ent_01k9zv6a4b5c6d7e8f9g0h1j2k",
    "created_at": "2026-03-02T06:20:03Z",
}


class SideView(View):
    """`chain` is the outside world and `fees` what networks took; both are no vault's."""

    model_config = with_example(SIDE_EXAMPLE)

    account: AccountKind
    vault_id: str | None


class EntryView(View):
    """Takes `amount` from `debit` and adds it to `credit`. A `reserve` holds it on both sides until
    one `settle`, of all or a part of it, or one `void` ends it; a `post` moves it at once.
    `sequence` counts from 1, without a gap. An entry never changes: what was wrong is answered by
    another one."""

    model_config = with_example(ENTRY_EXAMPLE)

    sequence: int
    id: str
    kind: Kind
    reason: Reason
    subject: str = Field(description="the deposit, transfer, foreign debit, decision or vault")
    asset: str
    symbol: str
    amount: Money
    debit: SideView
    credit: SideView
    ends: str | None = Field(description="the `reserve` that a `settle` or `void` ends")
    created_at: datetime


class EntriesView(View):
    """`cursor` is never null: it leads on from the last entry that was given."""

    model_config = with_example({"items": [ENTRY_EXAMPLE], "cursor": "12.9f0c1e"})

    items: list[EntryView]
    cursor: str


class EntryQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cursor: FeedCursor = Field(
        BEGINNING, description="`cursor` of the answer before; without one from the beginning"
    )
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)
    client_id: Identifier | None = Field(
        None, description="whose entries; a key of the house that names none reads everybody's"
    )


@router.get("", summary="Read the ledger's history", responses=problems(404, 409))
async def list_entries(
    query: Annotated[EntryQuery, Query()], caller: Reader, services: ServicesDependency
) -> EntriesView:
    """Every entry of the ledger, once and in the order in which they were committed, with the
    reason of each. Nothing is ever taken out. 409 `cursor_unknown`: this database was restored from
    a backup that is older than the cursor."""
    after = decode(query.cursor)
    async with services.custody.database.read() as session:
        client = caller.client_id
        if query.client_id is not None:
            client = (await vaults.client(session, query.client_id, only=client)).id
        rows = await repository.entries_after(session, client, after, query.limit)
        sides = {each for _, row in rows for each in (row.debit_account, row.credit_account)}
        keys = await keys_of(session, sides)
    catalogue = services.custody.catalogue
    return EntriesView(
        items=[_view(at, row, keys, catalogue) for at, row in rows],
        cursor=encode(rows[-1][0] if rows else after),
    )


def _view(
    at: Cursor, row: LedgerEntryRow, keys: Mapping[str, AccountKey], catalogue: Catalogue
) -> EntryView:
    asset = catalogue.find_asset(row.asset)
    return EntryView(
        sequence=at.number,
        id=row.id,
        kind=Kind(row.kind),
        reason=Reason(row.reason),
        subject=row.subject,
        asset=row.asset,
        symbol=asset.symbol,
        amount=money(row.amount, asset),
        debit=_side(keys[row.debit_account]),
        credit=_side(keys[row.credit_account]),
        ends=row.pending_id,
        created_at=row.created_at,
    )


def _side(key: AccountKey) -> SideView:
    return SideView(account=key.kind, vault_id=key.vault)
