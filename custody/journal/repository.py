"""Queries on the place in the signer's journal, and on what custody has of its records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import func, literal_column, select, update

from chains.model import Excludes, NetworkId
from custody.alarms.codes import AlarmCode
from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import (
    AlarmRow,
    ApiKeyRow,
    CoinRow,
    PolicyVersionRow,
    SignerCheckpointRow,
    SignerJournalRow,
    VaultOpeningRow,
    VaultRow,
)
from custody.db.transfer_tables import (
    ClaimHolderRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.errors import Unavailable
from signer.records import JournalRecord, PolicyRecord, SignedRecord
from signer.wire import canonical_json

THE_ROW = 1
"""There is one signer, so there is one row."""


@dataclass(frozen=True, slots=True)
class Place:
    """All records up to `sequence`, whose head is `head`, are known here. `closed_since`: set while
    a later one is not; `reason` says why."""

    sequence: int = 0
    head: bytes = bytes(32)
    closed_since: datetime | None = None
    reason: str | None = None


_ONCE: Final = select(literal_column("1").label("once")).subquery()
_TOLD_BEHIND: Final = (
    select(AlarmRow.id)
    .where(AlarmRow.code == AlarmCode.SIGNER_BEHIND.value, AlarmRow.cleared_at.is_(None))
    .exists()
)
_PLACE: Final = select(
    _TOLD_BEHIND,
    SignerJournalRow.sequence,
    SignerJournalRow.head,
    SignerJournalRow.closed_since,
    SignerJournalRow.reason,
).select_from(
    _ONCE.outerjoin(SignerJournalRow, SignerJournalRow.id == literal_column(str(THE_ROW)))
)
"""One row, also where nothing is stored yet."""


async def place(session: Quick) -> Place:
    at, _ = await place_and_told(session)
    return at


async def place_and_told(session: Quick) -> tuple[Place, bool]:
    """And whether the alarm about a signer that has forgotten something is open."""
    ((told, sequence, head, since, why),) = await session.quick_rows(_PLACE, {})
    return Place() if sequence is None else Place(sequence, head, since, why), bool(told)


async def lock_place(session: WriteSession) -> Place:
    """Ours until the transaction ends. Made if need be."""
    empty = Place()
    await session.insert_missing(
        SignerJournalRow,
        [
            {
                "id": THE_ROW,
                "sequence": empty.sequence,
                "head": empty.head,
                "closed_since": None,
                "reason": None,
            }
        ],
    )
    statement = select(SignerJournalRow).where(SignerJournalRow.id == THE_ROW)
    (row,) = await session.for_update(statement.order_by(SignerJournalRow.id))
    return _place(row)


async def move(session: WriteSession, new: Place) -> None:
    """Of the row that the caller holds locked."""
    await session.execute(
        update(SignerJournalRow)
        .where(SignerJournalRow.id == THE_ROW)
        .values(
            sequence=new.sequence,
            head=new.head,
            closed_since=new.closed_since,
            reason=new.reason,
        )
    )


async def keep_policies(
    session: WriteSession, records: Collection[JournalRecord], now: datetime
) -> None:
    """Those policies among the records that are not kept yet. The caller holds the place locked."""
    told = {
        sha256(record.signed.document).digest(): record
        for record in reversed(tuple(records))
        if isinstance(record, PolicyRecord)
    }
    if not told:
        return
    kept = await session.all(
        select(PolicyVersionRow.digest).where(PolicyVersionRow.digest.in_(told))
    )
    for digest in told.keys() - set(kept):
        record = told[digest]
        session.add(
            PolicyVersionRow(
                digest=digest,
                version=record.version,
                document=record.signed.document,
                signatures=canonical_json(record.signed.to_json()["signatures"]),
                in_force_at=record.at,
                first_seen=now,
            )
        )


async def newest_policy(session: ReadSession) -> bytes | None:
    """The document of the highest version that is kept."""
    newest = select(PolicyVersionRow.document).order_by(PolicyVersionRow.version.desc()).limit(1)
    return await session.first(newest)


async def newest_receipt(session: ReadSession) -> bytes | None:
    """Of the highest record number, whole."""
    newest = (
        select(TransactionRow.receipt)
        .where(TransactionRow.receipt_sequence.is_not(None))
        .order_by(TransactionRow.receipt_sequence.desc())
        .limit(1)
    )
    return await session.first(newest)


async def checkpoint_rows(session: ReadSession) -> Sequence[SignerCheckpointRow]:
    """The newest checkpoint of each origin."""
    return await session.all(select(SignerCheckpointRow).order_by(SignerCheckpointRow.origin))


async def keep_checkpoint(
    session: WriteSession, origin: str, log_key: bytes, note: str, now: datetime
) -> None:
    """As the newest of its origin."""
    row = await session.get(SignerCheckpointRow, origin)
    if row is not None:
        row.note, row.updated_at = note, now
        return
    session.add(
        SignerCheckpointRow(
            origin=origin, log_key=log_key, note=note, contradiction=None, updated_at=now
        )
    )


async def keep_contradiction(session: WriteSession, origin: str, note: str) -> None:
    """The first one, as evidence."""
    row = await session.get(SignerCheckpointRow, origin)
    if row is not None and row.contradiction is None:
        row.contradiction = note


def _place(row: SignerJournalRow) -> Place:
    return Place(row.sequence, row.head, row.closed_since, row.reason)


async def check_open(session: ReadSession) -> None:
    """Raises Unavailable signer_ahead."""
    if (await place(session)).closed_since is not None:
        raise signer_ahead()


def signer_ahead() -> Unavailable:
    return Unavailable(
        "signer_ahead",
        "the signer has signed what this database does not know: an operator has to run "
        "`custody recover`; repeat the request with the same key after that",
    )


async def newest_known(session: ReadSession) -> tuple[int, bytes] | None:
    """Number and head of the newest record that custody holds proof of: a receipt, a vault's
    opening, or what it has read. The signer is told it on every connection, and one that was
    restored refuses to sign."""
    receipt = await session.rows(
        select(TransactionRow.receipt_sequence, TransactionRow.receipt_head)
        .where(TransactionRow.receipt_sequence.is_not(None))
        .order_by(TransactionRow.receipt_sequence.desc())
        .limit(1)
    )
    opening = await session.rows(
        select(VaultRow.opened_sequence, VaultRow.opened_head)
        .where(VaultRow.opened_sequence.is_not(None))
        .order_by(VaultRow.opened_sequence.desc())
        .limit(1)
    )
    read = await place(session)
    known = [(read.sequence, read.head)] if read.sequence else []
    known += [(sequence, head) for sequence, head in (*receipt, *opening) if sequence and head]
    return max(known, default=None)


async def transactions_for(
    session: ReadSession, records: Collection[SignedRecord]
) -> Sequence[tuple[str, TransactionRow]]:
    """All that were built for the transfers of these records, each with its transfer."""
    transfers = sorted({record.mandate.core.transfer for record in records})
    return await session.rows(
        select(TransactionTransferRow.transfer_id, TransactionRow)
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .where(
            TransactionTransferRow.transfer_id.in_(transfers), TransactionRow.payload.is_not(None)
        )
        .order_by(TransactionRow.id)
    )


async def known_vaults(session: ReadSession, vaults: Collection[str]) -> dict[str, int | None]:
    """Those of the vaults that are stored, with their account, or None while being opened."""
    if not vaults:
        return {}
    opened = select(VaultRow.id, VaultRow.account).where(VaultRow.id.in_(vaults))
    opening = select(VaultOpeningRow.vault_id).where(VaultOpeningRow.vault_id.in_(vaults))
    known: dict[str, int | None] = dict.fromkeys(await session.all(opening))
    rows: Sequence[tuple[str, int]] = await session.rows(opened)
    return {**known, **dict(rows)}


# What rules have begun, as far as it is known here


async def newest_number(session: ReadSession, table: Any, at: Mapping[str, str]) -> int:
    """0 if there was none."""
    return await session.one(select(func.max(table.number)).filter_by(**at)) or 0


async def begun(session: ReadSession, table: Any, at: Mapping[str, str], number: int) -> Any:
    """The row of one time; None: it is not on record."""
    return await session.first(select(table).filter_by(**at, number=number))


async def lock_begun(session: WriteSession, table: Any, at: Mapping[str, str]) -> Sequence[Any]:
    """The row that is open, if one is."""
    mine = select(table).filter_by(**at).where(table.open_key.is_not(None))
    return await session.for_update(mine.order_by(table.number))


async def key_of(session: ReadSession, initiator: str) -> str | None:
    """An API key in whose name things are asked for, one in force before others."""
    mine = select(ApiKeyRow.id).where(ApiKeyRow.initiator == initiator)
    return await session.first(mine.order_by(ApiKeyRow.revoked_at.is_not(None), ApiKeyRow.id))


async def signed_apart(session: ReadSession, network: NetworkId) -> Sequence[tuple[str, str, str]]:
    """Payments that were signed for others to submit: transaction, key and vault of each."""
    row, holder = TransactionRow, ClaimHolderRow
    return await session.rows(
        select(row.id, holder.key, row.vault_id)
        .join(holder, holder.transaction_id == row.id)
        .where(row.network == network, holder.excludes == Excludes.EFFECT.value)
        .order_by(row.id)
    )


async def is_known_coin(session: ReadSession, network: NetworkId, txid: str, position: int) -> bool:
    """Whether a block that was followed has made it."""
    return await session.get(CoinRow, (network, txid, position)) is not None


async def is_known_transfer(session: ReadSession, transfer: str) -> bool:
    return await session.get(TransferRow, transfer) is not None
