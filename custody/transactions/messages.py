"""Messages to be signed: from the agreed terms to the stored bytes. No node is asked.

The bytes follow from the transfer's terms and its id, and from nothing else. So nothing is claimed,
and the same message built again, after a crash or a rebuilding, is the same bytes and the same
signature. Signed, it is final: no block has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from chains.codec import Reader, TransactionCodec
from chains.families import messages_of
from chains.messages.model import Kind as Signed
from chains.messages.model import Message
from chains.model import UnsignedTx
from custody.db.message_tables import MessageRow
from custody.db.session import Database, ReadSession
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.claiming import Carried, carry, transaction_row
from custody.transactions.looking import Built, WaitFor, stored
from custody.transactions.moving import Step, move
from custody.transactions.outcomes import Done, Later, Progress
from custody.transactions.state import Build, State
from custody.transfers import repository as transfers
from custody.transfers.kinds import Kind
from custody.transfers.mandates import stored_mandate
from custody.transfers.message_repository import find_message
from custody.transfers.state import State as TransferState
from signer.agreement import Purpose
from signer.wire import Mandate


def reader_of(codec: TransactionCodec, purpose: Purpose) -> Reader:
    """What tells bytes that are signed for `purpose`. Raises MessageKindUnknown."""
    return messages_of(codec) if purpose is Purpose.MESSAGE else codec


class Messages:
    """One per process."""

    def __init__(
        self, *, database: Database, ledger: Ledger, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    async def build(
        self, transfer_ids: Sequence[str], wait_for: WaitFor
    ) -> dict[str, Built | Progress]:
        """For those of the transfers that are messages, the stored bytes for the signer, or why
        there are none. Raises SignerError, CustodyError."""
        async with self._database.read() as session:
            found = await self._look(session, transfer_ids, wait_for)
        for each in [each for each, step in found.items() if step is None]:
            found[each] = await self._store(each)
        return {each: step for each, step in found.items() if step is not None}

    async def _look(
        self, session: ReadSession, transfer_ids: Sequence[str], wait_for: WaitFor
    ) -> dict[str, Built | Progress | None]:
        """None: to be built."""
        rows = await transfers.with_pauses(session, transfer_ids)
        mine = {each: found for each, found in rows.items() if found[0].kind == Kind.MESSAGE}
        if not mine:
            return {}
        contests = await repository.contests(session, list(mine))
        mandates = await transfers.mandates_by_transfer(session, list(mine))
        vaults = await repository.vaults_of(session, [row for row, *_ in mine.values()])
        steps: dict[str, Built | Progress | None] = {}
        for each, (row, paused, *_) in mine.items():
            terms = transfers.agreed(mandates[each])
            built = [one for one in contests[each] if one.state == State.BUILT]
            if row.state not in (TransferState.APPROVED, TransferState.IN_FLIGHT):
                steps[each] = Done()
            elif paused:
                steps[each] = Later("paused")
            elif built:
                (steps[each],) = await stored(session, built[-1:])
            elif row.state == TransferState.IN_FLIGHT or terms is None:
                steps[each] = Done()
            elif vaults[row.vault_id].frozen_reason is not None:
                steps[each] = Later("vault_frozen")
            else:
                steps[each] = await wait_for(session, terms, stored_mandate(terms))
        return steps

    async def _store(self, transfer_id: str) -> Built | Progress:
        """Before the signer sees them."""
        now = self._clock()
        async with self._database.write() as session:
            row = await transfers.lock_transfer(session, transfer_id)
            terms = transfers.agreed(await transfers.mandates_of(session, transfer_id))
            if row is None or row.state != TransferState.APPROVED or terms is None:
                return Later("busy")
            said = await find_message(session, transfer_id)
            assert said is not None, "stored with its transfer"
            tx = unsigned(stored_mandate(terms), said)
            made = transaction_row(Purpose.MESSAGE, tx.network, row.vault_id, now)
            made.source = tx.sender or ""
            made.payload, made.sender = tx.payload, tx.sender
            session.add(made)
            await session.flush()
            await carry(session, [(made, [Carried(row.id, terms.version, 1)])])
            await move(session, self._ledger, [Step(made, [row], Build())], now)
            await session.flush()
            (built,) = await stored(session, [made])
        return built


def unsigned(mandate: Mandate, said: MessageRow) -> UnsignedTx:
    """The bytes that are signed for it."""
    message = Message(Signed(said.kind), mandate.core.transfer, said.content)
    return UnsignedTx(mandate.core.network, message.payload, mandate.core.source_address)
