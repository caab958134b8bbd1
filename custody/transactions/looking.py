"""What there is to do for transfers, as the database has it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chains.model import Address, NetworkId, UnsignedTx
from custody.db.session import ReadSession
from custody.db.tables import VaultRow
from custody.db.transfer_tables import MandateRow, TransactionRow, TransferRow
from custody.transactions import repository
from custody.transactions.outcomes import Done
from custody.transactions.planners.payment import Waiting
from custody.transactions.state import State
from custody.transfers import repository as transfers
from custody.transfers.mandates import effects_of, stored_mandate
from custody.transfers.precheck import Precheck
from custody.transfers.state import State as TransferState
from signer.wire import Approval, Mandate, Verdict


@dataclass(frozen=True, slots=True)
class Agreed:
    """A mandate and who has approved it."""

    mandate: Mandate
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """Bytes that are stored and that the signer is asked about, for all transfers in `agreed`."""

    transaction_id: str
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
    session: ReadSession, transfer_id: str, precheck: Precheck, clock: Callable[[], datetime]
) -> Done | Built | ToBuild:
    """Raises SignerError, CustodyError."""
    row = await session.get(TransferRow, transfer_id)
    if row is None or row.state not in (TransferState.APPROVED, TransferState.IN_FLIGHT):
        return Done()
    contest = await repository.contest(session, transfer_id)
    built = [each for each in contest if each.state == State.BUILT]
    if built:
        return await stored(session, built[-1])
    mandate = transfers.agreed(await transfers.mandates_of(session, transfer_id))
    if row.state == TransferState.IN_FLIGHT or mandate is None:
        return Done()
    claimed = [each for each in contest if each.state == State.CLAIMED]
    waiting = await _waiting(session, row, mandate, precheck, clock)
    return ToBuild(waiting, claimed[-1] if claimed else None)


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


async def stored(session: ReadSession, row: TransactionRow) -> Built:
    """The stored bytes of a transaction, for all that it carries."""
    agreed = []
    for each in await repository.carried(session, [row.id]):
        mandate = await transfers.mandate_at(session, each.transfer_id, each.mandate_version)
        assert mandate is not None
        agreed.append(Agreed(stored_mandate(mandate), await approvals_on(session, mandate)))
    return Built(row.id, unsigned_of(row), tuple(agreed))


async def approvals_on(session: ReadSession, mandate: MandateRow) -> tuple[Approval, ...]:
    return tuple(
        Approval(row.approver, row.signature)
        for row in await transfers.verdicts_on(session, mandate)
        if row.verdict == Verdict.APPROVE
    )


def unsigned_of(row: TransactionRow) -> UnsignedTx:
    """The stored bytes as the codec reads them."""
    assert row.payload is not None
    sender = None if row.sender is None else Address(row.sender)
    return UnsignedTx(NetworkId(row.network), row.payload, sender)
