"""What there is to do for transfers, as the database has it now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from chains.effects import Call, Effect
from chains.model import Address, NetworkId, UnsignedTx
from custody.db.session import ReadSession
from custody.db.tables import VaultRow
from custody.db.transfer_tables import ApprovalRow, MandateRow, TransactionRow, TransferRow
from custody.transactions import repository
from custody.transactions.collecting import refused_together
from custody.transactions.outcomes import Done, Later, Progress
from custody.transactions.planners.plan import Replaced, Waiting
from custody.transactions.state import ON_CHAIN, REPLACEABLE, State
from custody.transfers import repository as transfers
from custody.transfers.kinds import Kind, coins_first, empties
from custody.transfers.mandates import effects_of, stored_mandate
from custody.transfers.state import State as TransferState
from signer.wire import Approval, Mandate, Purpose, Verdict

GAS_WAITED_FOR: Final = "waiting_for_gas"
"""What a payment of tokens waits for until the coins that it costs are there."""


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

    @property
    def calls(self) -> bool:
        """Whether it has a contract called, so that what comes of it is looked at first."""
        effects = (e for each in self.agreed for e in each.mandate.core.effects)
        return self.purpose is Purpose.PAY and any(isinstance(each, Call) for each in effects)


@dataclass(frozen=True, slots=True)
class ToBuild:
    """`claimed`: the transaction that an earlier attempt made, with what it took."""

    waiting: Waiting
    claimed: TransactionRow | None


WaitFor = Callable[[ReadSession, MandateRow, Mandate], Awaitable[Later | None]]
"""`Precheck.wait_for` under one policy."""
SizeOf = Callable[[NetworkId, Sequence[Effect]], int]
"""`TransactionCodec.size_of` of the network's codec."""


class Look(Protocol):
    """What there is to do for each of some transfers."""

    async def __call__(
        self,
        session: ReadSession,
        transfer_ids: Sequence[str],
        wait_for: WaitFor,
        size_of: SizeOf,
        clock: Callable[[], datetime],
    ) -> Mapping[str, Progress | Built | ToBuild]: ...


LookNow = Callable[
    [ReadSession, Sequence[str]], Awaitable[Mapping[str, Progress | Built | ToBuild]]
]
"""The same, where the rest is known."""


async def look(
    session: ReadSession,
    transfer_ids: Sequence[str],
    wait_for: WaitFor,
    size_of: SizeOf,
    clock: Callable[[], datetime],
) -> dict[str, Done | Later | Built | ToBuild]:
    """What there is to do for each. What is paused waits, also where its bytes are built. Raises
    SignerError, CustodyError."""
    rows = await transfers.with_pauses(session, transfer_ids)
    contests = await repository.contests(session, transfer_ids)
    mandates = await transfers.mandates_by_transfer(session, transfer_ids)
    bytes_of = {each: _newest(contests[each], State.BUILT) for each in rows}
    apart = await refused_together(session, contests)
    waiting_for_word = [row for row in bytes_of.values() if row is not None]
    built = {each.transaction_id: each for each in await stored(session, waiting_for_word)}
    vaults = await repository.vaults_of(session, [row for row, *_ in rows.values()])
    found: dict[str, Done | Later | Built | ToBuild] = {}
    for each in transfer_ids:
        row, paused, lacks, signs = rows.get(each, (None, False, False, False))
        agreed = transfers.agreed(mandates[each])
        if row is None or row.state not in (TransferState.APPROVED, TransferState.IN_FLIGHT):
            found[each] = Done()
        elif row.kind == Kind.MESSAGE:
            found[each] = Done()  # built by `messages` alone, and never with others
        elif paused and _is_unsigned(row, contests[each]):
            found[each] = Later("paused")
        elif (newest := bytes_of[each]) is not None:
            found[each] = built[newest.id]
        elif row.state == TransferState.IN_FLIGHT or agreed is None:
            found[each] = Done()
        elif lacks:
            found[each] = Later(GAS_WAITED_FOR)
        else:
            vault = vaults[row.vault_id]
            waiting = await _waiting(session, row, vault, agreed, wait_for, size_of, clock)
            waiting = replace(waiting, apart=each in apart or signs, authorizes=signs)
            found[each] = ToBuild(waiting, _newest(contests[each], State.CLAIMED))
    return found


async def look_at_waiting(
    session: ReadSession,
    transfer_ids: Sequence[str],
    wait_for: WaitFor,
    size_of: SizeOf,
    clock: Callable[[], datetime],
    *,
    cancel: bool = False,
) -> dict[str, Done | Later | Built | ToBuild]:
    """The same for transfers of which what was sent shall be replaced: by what pays more for
    itself, or, with `cancel`, by what pays nobody. Who shares the transaction is in the answer too.
    What is in a block already, or was called off, stays as it is. A pause holds back what pays, and
    no cancel. Raises SignerError, CustodyError."""
    rows = await transfers.with_pauses(session, transfer_ids)
    contests = await repository.contests(session, transfer_ids)
    found: dict[str, Done | Later | Built | ToBuild] = {}
    for each in transfer_ids:
        if each in found:
            continue  # it shares a transaction with one that was looked at
        row, paused, *_ = rows.get(each, (None, False, False, False))
        contest = contests[each]
        waits = _replaceable(contest)
        if row is None or row.state != TransferState.IN_FLIGHT or waits is None:
            found[each] = Done()
            continue
        if not cancel and paused:
            found[each] = Later("paused")
            continue
        purpose = Purpose.CANCEL if cancel else Purpose(waits.purpose)
        making = _newest(contest, State.BUILT)
        claimed = _newest(contest, State.CLAIMED)
        if cancel and waits.purpose == Purpose.CANCEL:
            found[each] = Done()
        elif any(other and other.purpose != purpose for other in (making, claimed)):
            found[each] = Later("busy")
        elif making is not None:
            (found[each],) = await stored(session, [making])
        else:
            replaced = Replaced(waits.id, purpose, unsigned_of(waits))
            members = await _to_replace(session, replaced, wait_for, size_of, clock)
            found |= {m.transfer: ToBuild(m, claimed) for m in members}
            found.setdefault(each, Done())
    return found


async def _to_replace(
    session: ReadSession,
    replaced: Replaced,
    wait_for: WaitFor,
    size_of: SizeOf,
    clock: Callable[[], datetime],
) -> list[Waiting]:
    """All that the transaction carries; empty if nothing is agreed to for one of them. A cancel
    stands under the versions that were signed for."""
    carried = await repository.carried(session, [replaced.transaction])
    ids = [each.transfer_id for each in carried]
    rows = await transfers.transfers_by_id(session, ids)
    mandates = await transfers.mandates_by_transfer(session, ids)
    vaults = await repository.vaults_of(session, rows.values())
    found: list[Waiting] = []
    for part in carried:
        versions = mandates[part.transfer_id]
        terms = transfers.agreed(versions)
        if replaced.purpose is Purpose.CANCEL:
            terms = next(each for each in versions if each.version == part.mandate_version)
        if terms is None:
            return []
        row = rows[part.transfer_id]
        vault = vaults[row.vault_id]
        waiting = await _waiting(session, row, vault, terms, wait_for, size_of, clock)
        found.append(replace(waiting, replaces=replaced))
    return found


def _replaceable(contest: Sequence[TransactionRow]) -> TransactionRow | None:
    """The newest that was signed, unless one of them is in a block."""
    signed = [each for each in contest if each.state in ON_CHAIN]
    if not signed or any(each.state not in REPLACEABLE for each in signed):
        return None
    return signed[-1]


def _is_unsigned(row: TransferRow, contest: Sequence[TransactionRow]) -> bool:
    """Whether there is something to build or to sign for it, and not only something to send."""
    built = any(each.state == State.BUILT for each in contest)
    return built or row.state == TransferState.APPROVED


def _newest(contest: Sequence[TransactionRow], state: State) -> TransactionRow | None:
    return next((each for each in reversed(contest) if each.state == state), None)


async def _waiting(
    session: ReadSession,
    row: TransferRow,
    vault: VaultRow,
    stored: MandateRow,
    wait_for: WaitFor,
    size_of: SizeOf,
    clock: Callable[[], datetime],
) -> Waiting:
    mandate = stored_mandate(stored)
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
        since=stored.decided_at or stored.offered_at,
        size=size_of(mandate.core.network, mandate.core.effects),
        empties=empties(row.kind),
        closes=row.closes,
        coins_first=coins_first(row.kind),
        hastens=row.kind == Kind.CHILD,
        not_yet=await wait_for(session, stored, mandate) if asks else None,
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
