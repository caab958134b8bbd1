"""What there is to do for transfers, as the database has it now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chains.model import Address, NetworkId, UnsignedTx
from custody.db.session import ReadSession
from custody.db.tables import VaultRow
from custody.db.transfer_tables import ApprovalRow, MandateRow, TransactionRow, TransferRow
from custody.transactions import repository
from custody.transactions.outcomes import Done
from custody.transactions.planners.payment import Waiting
from custody.transactions.state import State
from custody.transfers import repository as transfers
from custody.transfers.mandates import effects_of, stored_mandate
from custody.transfers.precheck import Precheck
from custody.transfers.state import State as TransferState
from signer.wire import Approval, Mandate, Purpose, Verdict


@dataclass(frozen=True, slots=True)
class Agreed:
    """A mandate and who has approved it."""

    mandate: Mandate
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """Bytes that are stored and that the signer is asked about, for all transfers in `agreed`."""

    transaction_id: str
    purpose: Purpose
    tx: UnsignedTx
    agreed: tuple[Agreed, ...]

    @property
    def transfers(self) -> list[str]:
        return [each.mandate.core.transfer for each in self.agreed]


@dataclass(frozen=True, slots=True)
class ToBuild:
    """`claimed`: the transaction that an earlier attempt made, with what it took."""

    waiting: Waiting
    claimed: TransactionRow | None


async def look(
    session: ReadSession,
    transfer_ids: Sequence[str],
    precheck: Precheck,
    clock: Callable[[], datetime],
) -> dict[str, Done | Built | ToBuild]:
    """What there is to do for each. Raises SignerError, CustodyError."""
    rows = await transfers.transfers_by_id(session, transfer_ids)
    contests = await repository.contests(session, transfer_ids)
    mandates = await transfers.mandates_by_transfer(session, transfer_ids)
    bytes_of = {each: _newest(contests[each], State.BUILT) for each in rows}
    waiting_for_word = [row for row in bytes_of.values() if row is not None]
    built = {each.transaction_id: each for each in await stored(session, waiting_for_word)}
    found: dict[str, Done | Built | ToBuild] = {}
    for each in transfer_ids:
        row = rows.get(each)
        agreed = transfers.agreed(mandates[each])
        if row is None or row.state not in (TransferState.APPROVED, TransferState.IN_FLIGHT):
            found[each] = Done()
        elif (newest := bytes_of[each]) is not None:
            found[each] = built[newest.id]
        elif row.state == TransferState.IN_FLIGHT or agreed is None:
            found[each] = Done()
        else:
            waiting = await _waiting(session, row, agreed, precheck, clock)
            found[each] = ToBuild(waiting, _newest(contests[each], State.CLAIMED))
    return found


def _newest(contest: Sequence[TransactionRow], state: State) -> TransactionRow | None:
    return next((each for each in reversed(contest) if each.state == state), None)


async def _waiting(
    session: ReadSession,
    row: TransferRow,
    stored: MandateRow,
    precheck: Precheck,
    clock: Callable[[], datetime],
) -> Waiting:
    mandate = stored_mandate(stored)
    vault = await session.get(VaultRow, row.vault_id)
    assert vault is not None
    frozen = vault.frozen_reason is not None
    asks = not frozen and stored.expires_at > clock()
    return Waiting(
        transfer=row.id,
        version=stored.version,
        network=mandate.core.network,
        vault=mandate.core.vault,
        account=vault.account,
        source_path=mandate.core.source_path,
        source_address=mandate.core.source_address,
        effects=effects_of(mandate),
        costs_max=stored.costs_max,
        expires_at=stored.expires_at,
        frozen=frozen,
        not_yet=await precheck.wait_for(session, stored, mandate) if asks else None,
    )


async def stored(session: ReadSession, rows: Sequence[TransactionRow]) -> list[Built]:
    """The stored bytes of each transaction, for all that it carries."""
    carried = await repository.carried(session, {row.id for row in rows})
    named = {each.transfer_id for each in carried}
    mandates = {
        (each.transfer_id, each.version): each
        for versions in (await transfers.mandates_by_transfer(session, named)).values()
        for each in versions
    }
    agreed: dict[str, list[MandateRow]] = {row.id: [] for row in rows}
    for each in carried:
        agreed[each.transaction_id].append(mandates[each.transfer_id, each.mandate_version])
    verdicts = await transfers.verdicts_by_mandate(
        session, [each for versions in agreed.values() for each in versions]
    )
    return [
        Built(
            row.id,
            Purpose(row.purpose),
            unsigned_of(row),
            tuple(
                Agreed(stored_mandate(each), _approvals(verdicts[each.digest]))
                for each in agreed[row.id]
            ),
        )
        for row in rows
    ]


def _approvals(verdicts: Sequence[ApprovalRow]) -> tuple[Approval, ...]:
    return tuple(
        Approval(row.approver, row.signature) for row in verdicts if row.verdict == Verdict.APPROVE
    )


def unsigned_of(row: TransactionRow) -> UnsignedTx:
    """The stored bytes as the codec reads them."""
    assert row.payload is not None
    sender = None if row.sender is None else Address(row.sender)
    return UnsignedTx(NetworkId(row.network), row.payload, sender)
