"""The list of what is put wrong on purpose (`mutants`), each as what stands instead of one function
of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Final

from sqlalchemy import and_

from chains.costs import Costs
from custody.db.leases import _taking
from custody.db.tables import LeaseRow
from custody.deposits.deciding import Verdict
from custody.errors import Conflict
from custody.following import finality
from custody.ledger.batch import Batch
from custody.ledger.model import Reason, Reserve, chain_account
from custody.transactions.apply import load
from custody.transactions.moving import Step, move
from custody.transactions.state import Die, State, can
from custody.transfers.settlement import Charge
from custody.transfers.state import Event
from signer.agreement import Purpose
from signer.answers import RefusalCode
from signer.chain import Record
from signer.errors import Refused
from signer.policy import Usage
from tests.sim.loop import MACHINE

Instead = Mapping[str, Callable[..., Any] | Any]


@dataclass(frozen=True, slots=True)
class Defect:
    """`instead`: `module:attribute` and what stands there. `chain`: of the games that are played,
    all if None. `tests`: what shows it where games can't."""

    name: str
    instead: Instead
    chain: str | None = None
    tests: tuple[str, ...] = field(default=())


def _real(place: str) -> Any:
    module, _, path = place.partition(":")
    found: Any = import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


async def _nothing(*_: Any, **__: Any) -> None:
    return None


# What is paid, and when that is final

_SETTLE = _real("custody.transfers.settlement:settle")
_NEXT = _real("custody.transactions.facts:next_event")
_CHARGE = _real("custody.transactions.charging:charge_of")


def _final_at_once(transaction: Any, facts: Any, costs: Any, held: Any) -> Any:
    return _NEXT(transaction, replace(facts, final=10**9), costs, held)


def _dead_without_receipt(transaction: Any, facts: Any, costs: Any, held: Any) -> Any:
    event = _NEXT(transaction, facts, costs, held)
    gone = event is None and facts.sighting is None and transaction.state is State.BROADCAST
    return Die("no node knows it") if gone else event


def _cancelled_is_paid(transactions: Any) -> Event | None:
    event = _SETTLE(transactions)
    return Event.LAND if event is Event.UNDO else event


def _failed_when_one_is_dead(transactions: Any) -> Event | None:
    if any(each.state is State.DEAD for each in transactions):
        return Event.FAIL
    return _SETTLE(transactions)


def _nothing_charged(*_: Any) -> Charge:
    return Charge({}, {})


def _double_charge(*arguments: Any) -> Charge:
    made = _CHARGE(*arguments)
    doubled: Costs = {kind: 2 * units for kind, units in made.charged.items()}
    return Charge(doubled, made.held)


# Blocks


def _any_parent(follower: Any, block: Any) -> Any:
    return () if follower._holds(block.ref) else (follower._connect(block),)


def _all_is_final(_network: Any, position: Any, *_: Any) -> Any:
    return None if position is None else finality.Final(position.height, finality.ProvenBy.NODE)


# Effects


async def _dead_by_timeout(broadcaster: Any, refused: Any) -> None:
    async with broadcaster._database.write() as session:
        locked = await _real("custody.transactions.repository:lock_all")(session, refused)
        steps = [
            Step(row, transfers, Die("the node did not answer"))
            for row, transfers in locked.values()
            if can(load(row), Die)
        ]
        await move(session, broadcaster._ledger, steps, broadcaster._clock())


_STORE_RECEIPTS = _real("custody.transactions.signing:Signing._store_receipts")


async def _sent_before_stored(signing: Any, receipts: Any) -> None:
    machine: Any = MACHINE.get()
    for built, receipt in receipts:
        await machine.adapter.broadcast([signing._signed(built, receipt)])
    await _STORE_RECEIPTS(signing, receipts)


async def _finished_whatever(outbox: Any, items: Any) -> None:
    await outbox.finish([item for item, _, _ in items])


_RETRY = _real("custody.workers.outbox:Outbox.retry")


async def _by_the_wall_clock(outbox: Any, items: Any) -> None:
    machine: Any = MACHINE.get()
    shared = outbox._now

    async def wall(_session: Any) -> Any:
        return machine.wall()

    outbox._now = wall
    try:
        await _RETRY(outbox, items)
    finally:
        outbox._now = shared


def _for_ever(since: Any, until: Any, _now: Any) -> Any:
    return and_(since.is_not(None), until > since)


# Money and answers

_COMMIT_PART = _real("custody.db.grouping:_run")
_CAME = _real("custody.deposits.deciding:_came")
_CLAIM = _real("tests.support.fake_adapter:FakeAdapter._claim")


async def _answered_early(part: Any, session: Any) -> None:
    """Whoever asked goes on before the commit."""
    await _COMMIT_PART(part, session)
    if not part.settled.done():
        part.settled.set_result(None)


def _refund_is_change(movement: Any, owner: Any, ours: Any) -> Any:
    """Odd amounts only, so that games begin."""
    decision = _CAME(movement, owner, ours)
    foreign = ours.has_coins and movement.txid not in ours.transactions and movement.units % 2
    return replace(decision, verdict=Verdict.CHANGE) if foreign else decision


def _one_nonce_too_far(adapter: Any, intent: Any) -> Any:
    keys = _CLAIM(adapter, intent)
    if adapter.codec.has_coins or not keys or intent.replaces is not None:
        return keys
    address, _, nonce = keys[0].text.rpartition(":")
    return (replace(keys[0], text=f"{address}:{int(nonce) + 1}"),)


def _unrecorded(guard: Any, entries: Any, _takes: Any) -> Any:
    """Signed, though the journal does not say so."""
    end = guard.journal.end
    return tuple(Record(end.sequence + 1, end.head, entry) for entry in entries)


_TO_SEND = _real("custody.transactions.repository:to_send")


async def _all_superseded(session: Any, transaction_ids: Any) -> Any:
    return [each._replace(superseded=True) for each in await _TO_SEND(session, transaction_ids)]


_REBUILD = _real("custody.journal.rebuilding:rebuild")


async def _only_payments(session: Any, ledger: Any, codec: Any, records: Any, now: Any) -> None:
    if records[0].purpose is not Purpose.PAY:
        raise Conflict("mandate_not_rebuildable", "it was called off")
    await _REBUILD(session, ledger, codec, records, now)


def _first_pays_all(cost: int, bounds: Any, *, bounded: bool = True) -> dict[str, int]:
    return {each: cost if at == 0 else 0 for at, each in enumerate(bounds)}


def _not_raised(units: int, _percent: int) -> int:
    return units


def _some_id(*_: Any) -> str:
    return str(_real("custody.db.ids:new_id")("tfr"))


# What people decide, and what is done by their rules

_USAGE = _real("custody.policies.windows:usage")
_WITH_PAUSES = _real("custody.transfers.repository:with_pauses")
_KEY_OF_REFILL = _real("custody.refills.refilling:key_of")


async def _never_let_go(session: Any, ledger: Any, row: Any, account: Any) -> None:
    """It is in the books for the vault, and stays where it was held."""
    reserve = Reserve(chain_account(account.asset), account, row.amount, row.id, Reason.DEPOSIT)
    batch = Batch()
    new = batch.move(reserve)
    await batch.write(session, ledger)
    row.reservation_id = new


def _rounded_down(costs: Any, sizes: Any) -> Any:
    whole = sum(sizes)
    return [{kind: units * size // whole for kind, units in costs.items()} for size in sizes]


def _another_key(row: Any) -> Any:
    key = _KEY_OF_REFILL(row)
    return replace(key, key=f"{key.key} {_some_id()}")


def _basis_aside(mandate: Any, _policy: Any, now: Any) -> None:
    if now >= mandate.expires_at:
        raise Refused(RefusalCode.EXPIRED, "mandate", "it has expired")


async def _twice_counted(*given: Any, **more: Any) -> Any:
    found = await _USAGE(*given, **more)
    return {each: Usage(2 * used.amount, 2 * used.count) for each, used in found.items()}


async def _never_paused(session: Any, ids: Any) -> Any:
    rows = await _WITH_PAUSES(session, ids)
    return {each: waits._replace(paused=False) for each, waits in rows.items()}


async def _held_by_nobody(*_: Any) -> Any:
    return {}


# Tokens, and what comes by rule

_KEY_OF_TOP_UP = _real("custody.gas.station:key_of")
_KEY_OF_CARRIER = _real("custody.gas.carrying:_key_of")
_KEY_OF_SWEEP = _real("custody.sweeps.sweeping:key_of")
_HINDRANCE = _real("custody.transactions.planners.plan:hindrance")


def _another_top_up(row: Any) -> Any:
    key = _KEY_OF_TOP_UP(row)
    return replace(key, key=f"{key.key} {_some_id()}")


def _another_carrier(row: Any, tx: Any) -> Any:
    key = _KEY_OF_CARRIER(row, tx)
    return replace(key, key=f"{key.key} {_some_id()}")


def _another_sweep(row: Any) -> Any:
    key = _KEY_OF_SWEEP(row)
    return replace(key, key=f"{key.key} {_some_id()}")


def _frozen_or_not(each: Any, now: Any) -> Any:
    return _HINDRANCE(replace(each, frozen=False), now)


_MOVEMENTS = _real("tests.support.fake_adapter:FakeAdapter._movements")


def _as_sent(adapter: Any, included: Any) -> Any:
    """What a contract kept came too."""
    sent = {(out.address, out.asset): out.amount for out in included.tx.outputs}
    return [
        each
        if each.units < 0
        else each._replace(units=sent.get((each.address, each.asset), each.units))
        for each in _MOVEMENTS(adapter, included)
    ]


ETHEREUM, BITCOIN, TRON = "ethereum-local", "bitcoin-regtest", "tron-local"
DEFECTS: Final = (
    Defect("a payment is final as soon as a block has it",
           {"custody.transactions.tracking:next_event": _final_at_once}),
    Defect("a cancel counts as a payment",
           {"custody.transfers.settlement:settle": _cancelled_is_paid}),
    Defect("one dead transaction ends a transfer, though another pays",
           {"custody.transfers.settlement:settle": _failed_when_one_is_dead}),
    Defect("dead by a missing receipt",
           {"custody.transactions.tracking:next_event": _dead_without_receipt}),
    Defect("a fee is not entered",
           {"custody.transactions.moving:charge_of": _nothing_charged}),
    Defect("a fee is entered twice",
           {"custody.transactions.moving:charge_of": _double_charge}),
    Defect("claims are never released",
           {"custody.transactions.repository:release": _nothing}),
    Defect("what a node lost is not sent again",
           {"custody.transactions.tracking:enqueue": _nothing}),
    Defect("no parent-hash check",
           {"chains.follow:BlockFollower.feed": _any_parent}),
    Defect("a deposit is final as soon as a block has it",
           {"custody.following.writer:newest_final": _all_is_final}),
    Defect("money released when a node does not answer in time",
           {"custody.transactions.broadcasting:Broadcaster._note": _dead_by_timeout}),
    Defect("bytes and txid stored after the broadcast",
           {"custody.transactions.signing:Signing._store_receipts": _sent_before_stored}),
    Defect("an effect that failed counts as done",
           {"custody.workers.outbox:Outbox.retry": _finished_whatever}),
    Defect("effects wait by the wall clock",
           {"custody.workers.outbox:Outbox.retry": _by_the_wall_clock}),
    Defect("a dead leader is never followed by another",
           {"custody.db.leases:_TAKE": _taking(_for_ever(LeaseRow.since, LeaseRow.until, None))}),
    Defect("a dead worker's effects are never taken over",
           {"custody.workers.repository:stands": _for_ever}),
    Defect("ids of transfers are random, also after a restore",
           {"custody.transfers.service:transfer_id_of": _some_id}),
    Defect("money is not held when a transfer is accepted",
           {"custody.transfers.service:Transfers._hold": _nothing}),
    Defect("deposits of blocks that are undone stay",
           {"custody.deposits.recording:Recorder.reverse": lambda *_: None}),
    Defect("a request is answered before it is committed",
           {"custody.db.grouping:_run": _answered_early}),
    Defect("a recovery rebuilds no transfer",
           {"custody.journal.recovery:Recovery._rebuild_transfers": _nothing}),
    Defect("a recovery can't rebuild what was called off (it was so)",
           {"custody.journal.rebuilding:rebuild": _only_payments}),
    Defect("what somebody pays to a coin address is taken for change",
           {"custody.deposits.deciding:_came": _refund_is_change}, BITCOIN),
    Defect("a nonce is left out",
           {"tests.support.fake_adapter:FakeAdapter._claim": _one_nonce_too_far}, ETHEREUM),
    Defect("signed, and not recorded in the journal",
           {"signer.guard:Guard.record_signed": _unrecorded}),
    Defect("nothing is sent, as if all had been replaced",
           {"custody.transactions.repository:to_send": _all_superseded}),
    Defect("a deposit that is let go is in the books twice",
           {"custody.quarantine.service:_move": _never_let_go}),
    Defect("a deposit that a person held is forgotten when another block brings it",
           {"custody.deposits.recording:judge": _held_by_nobody}),
    Defect("the shares of a batch are not the whole fee",
           {"custody.transfers.settlement:shares_of": _rounded_down}, BITCOIN),
    Defect("a refill is asked for by another key each time",
           {"custody.refills.refilling:key_of": _another_key}),
    Defect("terms count whose rules are not in force any more",
           {"signer.service:check_current": _basis_aside}),
    Defect("what left a vault counts twice",
           {"custody.policies.judge:usage": _twice_counted}),
    Defect("a payment that failed explains what left with it (it was so)",
           {"custody.following.finding:_undone": lambda own: own}, ETHEREUM),
    Defect("what nobody agreed to is not booked",
           {"custody.debits.recording:DebitRecorder.add": _nothing}, ETHEREUM),
    Defect("a top-up is asked for by another key each time",
           {"custody.gas.station:key_of": _another_top_up}, ETHEREUM),
    Defect("who submits a payment is asked for by another key each time",
           {"custody.gas.carrying:_key_of": _another_carrier}, ETHEREUM),
    Defect("a sweep is asked for by another key each time",
           {"custody.sweeps.sweeping:key_of": _another_sweep}, ETHEREUM),
    Defect("what a top-up brings is a deposit too",
           {"custody.deposits.repository:tops_up": lambda _: False}, ETHEREUM),
    Defect("what a sweep brings is a deposit too",
           {"custody.deposits.repository:stays": lambda _: False}, ETHEREUM),
    Defect("what a child brings is a deposit too",
           {"custody.deposits.repository:stays": lambda _: False}, BITCOIN),
    Defect("what a token's contract kept is in the books as if it had come",
           {"tests.support.fake_adapter:FakeAdapter._movements": _as_sent}, ETHEREUM),
    Defect("an address is swept while a sweep of it is under way",
           {"custody.transfers.asking:_check_source": _nothing},
           tests=("tests/unit/custody/sweeps/test_sweeps.py::"
                  "test_one_address_is_swept_once_at_a_time",)),
    Defect("a frozen vault pays",
           {"custody.transactions.planners.payment:hindrance": _frozen_or_not},
           tests=("tests/unit/custody/transfers/test_refusals.py::"
                  "test_a_frozen_vault_builds_nothing_and_goes_on_when_thawed",)),
    Defect("what an issuer froze is promised",
           {"custody.transfers.service:check_free": _nothing},
           tests=("tests/integration/test_tokens.py::test_on_ethereum"
                  "[frozen_is_promised_to_nobody-usdc-ethereum-local]",)),
    Defect("a pause stops nothing",
           {"custody.transfers.repository:with_pauses": _never_paused},
           tests=("tests/unit/custody/transfers/test_pauses.py",)),
    Defect("other bytes are signed without a key that both take",
           {"signer.guard:Guard.check": lambda *_: None},
           tests=("tests/unit/signer/test_guard.py",)),
    Defect("a cost share above its bound",
           {"custody.transfers.settlement:shares": _first_pays_all},
           tests=("tests/unit/custody/transfers/test_settlement.py",)),
    Defect("a leader that was replaced may write",
           {"custody.db.leases:Lease.check": _nothing},
           tests=("tests/integration/test_db_leases.py::"
                  "test_who_was_replaced_can_write_nothing[sqlite]",)),
    Defect("a tip that is not raised outbids",
           {"chains.evm.fees:_raised": _not_raised},
           tests=("tests/unit/evm/test_fees.py",)),
)  # fmt: skip
