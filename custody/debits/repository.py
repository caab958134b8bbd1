"""Queries on foreign debits, and on the allowances that explain some. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import exists, or_, select

from chains.effects import Allow
from chains.families import traits_of
from chains.model import Address, NetworkId
from chains.networks import Network
from custody.db.chunks import all_in, chunks
from custody.db.listing import Window, find
from custody.db.session import ReadSession
from custody.db.sighting_tables import SightingRow
from custody.db.tables import ForeignDebitRow
from custody.db.transfer_tables import (
    MandateRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.deposits.deciding import Allowance, Verdict
from custody.deposits.states import DebitState
from custody.transactions.state import State
from custody.transfers.state import State as TransferState
from signer.wire import Mandate, Purpose, parse_json

PAGE_MAX = 100
_STANDING = (DebitState.PENDING.value, DebitState.BOOKED.value)
_MANDATES = 1_000
"""Documents in memory at once."""


@dataclass(frozen=True, slots=True)
class DebitFilter:
    """All at once. `client_id`: what the caller may see. None, and no states, do not filter."""

    client_id: str | None = None
    vault_id: str | None = None
    network: NetworkId | None = None
    states: tuple[DebitState, ...] = ()


async def page_of_debits(
    session: ReadSession, wanted: DebitFilter, window: Window
) -> Sequence[ForeignDebitRow]:
    """In the order in which they were seen; without what our own calls took."""
    debit = ForeignDebitRow
    named = (
        (debit.client_id, wanted.client_id),
        (debit.vault_id, wanted.vault_id),
        (debit.network, wanted.network),
    )
    conditions = [column == value for column, value in named if value is not None]
    conditions.append(debit.verdict != Verdict.CALLED.value)
    states = [each.value for each in wanted.states]
    return await find(session, debit, conditions, states, window, few=False)


async def debits(
    session: ReadSession,
    *,
    only: str | None = None,
    vault: str | None = None,
    network: NetworkId | None = None,
    after: str = "",
    limit: int = PAGE_MAX,
) -> Sequence[ForeignDebitRow]:
    """One page in the order in which they were seen; `after` is the last id of the page before.
    `only`: of this client."""
    page = select(ForeignDebitRow).where(
        ForeignDebitRow.id > after, ForeignDebitRow.verdict != Verdict.CALLED.value
    )
    if only is not None:
        page = page.where(ForeignDebitRow.client_id == only)
    if vault is not None:
        page = page.where(ForeignDebitRow.vault_id == vault)
    if network is not None:
        page = page.where(ForeignDebitRow.network == network)
    return await session.all(page.order_by(ForeignDebitRow.id).limit(limit))


async def debits_of(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> list[ForeignDebitRow]:
    mine = select(ForeignDebitRow).where(ForeignDebitRow.network == network)
    return await all_in(session, txids, lambda part: mine.where(ForeignDebitRow.txid.in_(part)))


async def standing_in(
    session: ReadSession, network: NetworkId, block_hashes: Iterable[str]
) -> list[ForeignDebitRow]:
    """Those in the blocks that are not reversed."""
    debit = ForeignDebitRow
    standing = select(debit).where(debit.network == network, debit.state.in_(_STANDING))
    return await all_in(
        session, block_hashes, lambda part: standing.where(debit.block_hash.in_(part))
    )


async def standing_above(
    session: ReadSession, network: NetworkId, height: int
) -> Sequence[ForeignDebitRow]:
    """Those in blocks above a height that are not reversed."""
    return await session.all(
        select(ForeignDebitRow)
        .where(
            ForeignDebitRow.network == network,
            ForeignDebitRow.state.in_(_STANDING),
            ForeignDebitRow.block_height > height,
        )
        .order_by(ForeignDebitRow.id)
    )


async def due(
    session: ReadSession, network: NetworkId, height: int | None
) -> list[tuple[ForeignDebitRow, str | None]]:
    """Pending ones that are final at `height`, and, with the transaction's id, those whose
    transaction is one of the vault's own after all. One that failed explains what it cost alone."""
    debit, own, seen = ForeignDebitRow, TransactionRow, SightingRow
    settles = (debit.state == DebitState.PENDING.value) & (
        debit.final_height <= (-1 if height is None else height)
    )
    failed = exists().where(
        (seen.network == debit.network)
        & (seen.txid == debit.txid)
        & (seen.block_hash == debit.block_hash)
        & seen.failure.is_not(None)
    )
    explains = debit.place.startswith("cost:") | ~failed
    foreign = debit.verdict.in_((Verdict.FOREIGN.value, Verdict.ALLOWED.value))
    rows = await session.rows(
        select(debit, own.id)
        .outerjoin(
            own,
            (own.network == debit.network)
            & (own.txid == debit.txid)
            & (own.vault_id == debit.vault_id)
            & foreign
            & explains,
        )
        .where(
            debit.network == network,
            debit.state.in_(_STANDING),
            debit.verdict != Verdict.CALLED.value,
            or_(settles, own.id.is_not(None)),
        )
        .order_by(debit.id)
    )
    return [(row, transaction) for row, transaction in rows]


async def called(
    session: ReadSession, transfers: Collection[str], *, ended: bool
) -> dict[str, list[ForeignDebitRow]]:
    """What contracts took in the transfers' own calls; without `ended` only what the end of its
    transfer has not taken yet."""
    found: dict[str, list[ForeignDebitRow]] = {each: [] for each in transfers}
    wanted = _STANDING if ended else (DebitState.PENDING.value,)
    for chunk in chunks(transfers):
        rows = (
            select(TransactionTransferRow.transfer_id, ForeignDebitRow)
            .join(
                ForeignDebitRow,
                ForeignDebitRow.explained_by == TransactionTransferRow.transaction_id,
            )
            .where(
                TransactionTransferRow.transfer_id.in_(chunk),
                ForeignDebitRow.verdict == Verdict.CALLED.value,
                ForeignDebitRow.state.in_(wanted),
            )
            .order_by(ForeignDebitRow.id)
        )
        for transfer, row in await session.rows(rows):
            found[transfer].append(row)
    return found


async def taken_with(session: ReadSession, transaction: str, asset: str) -> int:
    """What standing rows say that contracts took of the asset in the transaction."""
    debit = ForeignDebitRow
    amounts = await session.all(
        select(debit.amount).where(
            debit.explained_by == transaction,
            debit.asset == asset,
            debit.verdict == Verdict.CALLED.value,
            debit.state.in_(_STANDING),
        )
    )
    return sum(amounts)


async def has_ended(session: ReadSession, transfer: str) -> bool:
    """Whether nothing is held for the transfer any more."""
    row = await session.get(TransferRow, transfer)
    return row is not None and row.state != TransferState.IN_FLIGHT


async def allowances(
    session: ReadSession, network: Network, vaults: Collection[str]
) -> list[Allowance]:
    """What final transactions of the vaults allowed others to take, less what was taken. Asked only
    when something was, so that nobody pays for it who allows nothing."""
    newest: dict[tuple[str, str, str], Allowance] = {}
    documents = (
        select(MandateRow.document, TransactionRow.source)
        .join(TransferRow, TransferRow.id == MandateRow.transfer_id)
        .join(
            TransactionTransferRow,
            (TransactionTransferRow.transfer_id == MandateRow.transfer_id)
            & (TransactionTransferRow.mandate_version == MandateRow.version),
        )
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .where(
            TransferRow.network == network.id,
            TransferRow.vault_id.in_(vaults),
            TransactionRow.purpose == Purpose.PAY.value,
            TransactionRow.state == State.FINAL.value,
        )
        .order_by(TransactionRow.id)
    )
    one_each = traits_of(network).token_accounts
    if vaults:
        async for chunk in session.chunks(documents, _MANDATES):
            for document, source in chunk:
                if b'"allow"' in document:  # almost none does: a short look before a long one
                    newest |= _allowances_in(document, source, one_each)
    taken = await _taken(session, [each.id for each in newest.values()])
    return [_less(each, taken.get(each.id, 0)) for each in newest.values()]


def _allowances_in(
    document: bytes, source: str, one_each: bool
) -> dict[tuple[str, str, str], Allowance]:
    """By what a later allowance takes the place of: payer, spender and asset. `one_each`: payer and
    asset alone, as a token account has one delegate. The payer may have several accounts, which an
    allowance does not name. Then one that still holds may be forgotten here, and what is taken by
    it freezes the vault, which is better than that one which is void explains a theft."""
    core = Mandate.parse(parse_json(document)).core
    return {
        (source, "" if one_each else _beside(each), each.asset): Allowance(
            f"{core.transfer}/{index}",
            core.vault,
            Address(source),
            each.asset,
            each.amount,
            each.expires_at,
        )
        for index, each in enumerate(core.effects)
        if isinstance(each, Allow)
    }


def _beside(allow: Allow) -> str:
    """The spender; one that ends stands beside the one that doesn't."""
    return allow.spender if allow.expires_at is None else f"{allow.spender} until"


def _less(allowance: Allowance, taken: int) -> Allowance:
    left = None if allowance.left is None else max(0, allowance.left - taken)
    return replace(allowance, left=left)


async def _taken(session: ReadSession, ids: Collection[str]) -> dict[str, int]:
    """How much standing debits took of each allowance."""
    taken: dict[str, int] = {}
    for chunk in chunks(ids):
        rows = select(ForeignDebitRow.explained_by, ForeignDebitRow.amount).where(
            ForeignDebitRow.explained_by.in_(chunk), ForeignDebitRow.state.in_(_STANDING)
        )
        for allowance, amount in await session.rows(rows):
            if allowance is not None:
                taken[allowance] = taken.get(allowance, 0) + amount
    return taken
