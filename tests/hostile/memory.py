"""Making the signer forget: second transactions, split limits, and its files cut or put back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from solders.hash import Hash

from chains.bitcoin.transaction import length_prefixed
from chains.costs import CostKind, costs_in
from signer.ceremonies.recovery import Skip, recover
from signer.clock import utc_now
from signer.keystore import Contents
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory
from signer.wire import SignRequest
from tests.hostile.transactions import (
    AMOUNT,
    BITCOIN,
    BSC,
    ETHEREUM,
    PAYEE_BITCOIN,
    SOLANA,
    SPELLING,
    TRON,
    Coins,
    evm,
    honest,
    solana,
    solana_proven,
    transaction,
    tron,
    with_tx,
)
from tests.hostile.world import (
    SUPPLIER,
    TRX,
    World,
    approvals_in,
    approved,
    approved_by,
    mandate_in,
    payment,
)
from tests.support.signer import PINNED, SEED, Clock, changed, outcome_word
from tests.unit.bitcoin.support import PsbtMap, split_psbt

Perform = Callable[[World], str]
Spoil = Callable[[StateDirectory], None]
RENT = 1_447_680
"""Lamports that keep a nonce account of 80 bytes alive."""

# A second transaction


def second_transaction(alias: str) -> Perform:
    """One that shares nothing with the first: another nonce, coin or salt."""

    def perform(world: World) -> str:
        request = honest(world, alias)
        world.must_sign(request)
        return world.word(with_tx(request, transaction(world, alias, nonce=1)))

    return perform


def third_beside_the_first(world: World) -> str:
    """A chain of replacements: the second shares a coin with the first, the third with the second
    only."""
    outputs = (payment(BITCOIN, PAYEE_BITCOIN, 2 * AMOUNT),)
    mandate = world.mandate(BITCOIN, outputs)
    first, second, third = (Coins(world, salts=pair).tx() for pair in ((1, 2), (2, 3), (3, 4)))
    world.must_sign(approved(mandate, first))
    world.must_sign(approved(mandate, second))
    return world.word(approved(mandate, third))


def same_id_another_network(world: World) -> str:
    first = honest(world, ETHEREUM)
    world.must_sign(first)
    return world.word(honest(world, BSC, transfer=mandate_in(first).core.transfer))


def same_id_another_vault(world: World) -> str:
    first = honest(world, ETHEREUM)
    world.must_sign(first)
    request = honest(world, ETHEREUM, vault="listed", transfer=mandate_in(first).core.transfer)
    return world.word(request)


def more_for_a_replacement(world: World) -> str:
    """It shares the nonce, so that only one can confirm; but nobody agreed to the larger amount."""
    nonce = world.fresh()
    first = honest(world, ETHEREUM, nonce=nonce)
    world.must_sign(first)
    effects = (payment(ETHEREUM, SPELLING[ETHEREUM], AMOUNT * 2),)
    mandate = changed(mandate_in(first), effects=effects)
    tx = evm(world, value=AMOUNT * 2, nonce=nonce)
    return world.word(approved_by(mandate, tx, approvals_in(first)))


def blockhash_as_nonce(world: World) -> str:
    """Solana takes a recent blockhash also from a transaction that advances a nonce. Two such
    transactions look like rivals for one nonce value, and both are executed."""
    request = honest(world, SOLANA)
    recent = Hash(b"\x55" * 32)
    world.must_sign(with_tx(request, solana(world, lifetime=recent)))
    return world.word(with_tx(request, solana(world, lifetime=recent, unit_price=10_001)))


def another_value_s_proof(world: World) -> str:
    """Of two nonce values one is proven, and its proof stands behind the other."""
    request = honest(world, SOLANA)
    world.must_sign(with_tx(request, solana_proven(world, 1)))
    other = Hash(b"\x55" * 32)
    return world.word(with_tx(request, solana_proven(world, 1, lifetime=other)))


def proof_left_out(world: World) -> str:
    """The same nonce value once with its proof, and once as whatever it may be."""
    request = honest(world, SOLANA)
    proven = solana_proven(world, 2, unit_price=10_001)
    world.must_sign(with_tx(request, proven))
    return world.word(with_tx(request, solana_proven(world, 2, origin=None)))


def proof_too_late(world: World) -> str:
    request = honest(world, SOLANA)
    world.must_sign(with_tx(request, solana_proven(world, 3, origin=None)))
    return world.word(with_tx(request, solana_proven(world, 3, unit_price=10_001)))


def rival_creation(world: World) -> str:
    """Of two that create one nonce account only one succeeds; both are in blocks and both pay."""
    request = honest(world, SOLANA)
    world.must_sign(with_tx(request, solana(world, rent=RENT)))
    later = Hash(b"\x56" * 32)
    return world.word(with_tx(request, solana(world, rent=RENT, lifetime=later)))


def two_transfers(alias: str) -> Perform:
    """Two approved transfers that look alike, and one transaction for both."""

    def perform(world: World) -> str:
        first = honest(world, alias)
        world.must_sign(first)
        return world.word(with_tx(honest(world, alias), first.tx))

    return perform


def two_containers(world: World) -> str:
    """A PSBT's fields may stand in any order: other bytes, and the same transaction."""
    first = honest(world, BITCOIN)
    world.must_sign(first)
    maps = split_psbt(first.tx.payload)
    maps[1] = dict(reversed(maps[1].items()))
    other = replace(first.tx, payload=b"psbt\xff" + b"".join(map(written, maps)))
    assert other != first.tx
    return world.word(with_tx(honest(world, BITCOIN), other))


def written(fields: PsbtMap) -> bytes:
    """A map of a PSBT with its fields in the order in which they are here."""
    rows = (length_prefixed(key) + length_prefixed(value) for key, value in fields.items())
    return b"".join(rows) + b"\0"


def tron_second_transfer(world: World) -> str:
    """TRON knows no conflict, so a transfer gets one transaction; another transfer's id would get
    another, if the approvals of the first were good for it."""
    first = honest(world, TRON)
    world.must_sign(first)
    again = honest(world, TRON)
    tx = tron(world, timestamp_ms=1_700_000_000_001)
    return world.word(approved_by(mandate_in(again), tx, approvals_in(first)))


# Windows


TRIES = 9


def until_refused(make: Callable[[World, int], SignRequest], *, crash: bool = False) -> Perform:
    """Ask for one payment after the other that nobody needs to approve. What is signed below the
    limit is right, and entered into the books. `crash`: the signer is killed after each."""

    def perform(world: World) -> str:
        for number in range(TRIES):
            (outcome,) = world.ask(make(world, number))
            if outcome_word(outcome) != "signed":
                return outcome_word(outcome)
            world.book(outcome)
            if crash:
                assert world.crash is not None
                world.crash()
        return "signed"

    return perform


def petty(vault: str, value: int, fee: int = 21_000) -> Callable[[World, int], SignRequest]:
    """A small payment out of a vault that needs no approvals; each has another nonce."""

    def make(world: World, nonce: int) -> SignRequest:
        outputs = (payment(ETHEREUM, SUPPLIER, value),)
        mandate = world.mandate(ETHEREUM, outputs, vault=vault, fee_max=fee)
        price = fee // 21_000
        tx = evm(
            world,
            vault=vault,
            value=value,
            nonce=nonce,
            fee_per_gas_max=price,
            priority_fee=price,
        )
        return approved_by(mandate, tx)

    return make


def petty_tron(world: World, number: int) -> SignRequest:
    """A payment of TRX, each under a transfer id of its own, as TRON has one per transfer."""
    costs = costs_in(TRX, {CostKind.FEE: 400_000, CostKind.ACTIVATION: 1_000_000})
    return honest(world, TRON, vault="tron", costs_max=costs, nonce=number)


def in_one_batch(world: World) -> str:
    """All at once, so that none of them is recorded yet when the first is judged."""
    make = petty("batch", 60_000)
    outcomes = world.ask(*(make(world, number) for number in range(TRIES)))
    for outcome in outcomes:
        if outcome_word(outcome) == "signed":
            world.book(outcome)
    return outcome_word(outcomes[-1])


# Files


def cut_in_half(state: StateDirectory) -> None:
    data = state.journal.read_bytes()
    without_wal(state)
    state.journal.write_bytes(data[: len(data) // 2])


def emptied(state: StateDirectory) -> None:
    without_wal(state)
    state.journal.write_bytes(b"")


def without_wal(state: StateDirectory) -> None:
    """What a crash left beside the database, and with it the last records."""
    for suffix in ("-wal", "-shm"):
        Path(f"{state.journal}{suffix}").unlink(missing_ok=True)


def removed(state: StateDirectory) -> None:
    without_wal(state)
    state.journal.unlink()


def removed_with_log(state: StateDirectory) -> None:
    removed(state)
    state.log.unlink()


def journal_restored(state: StateDirectory) -> None:
    """Of the backup, the database alone."""
    without_wal(state)
    shutil.copy(state.path / "backup" / state.journal.name, state.journal)


def all_restored(state: StateDirectory) -> None:
    journal_restored(state)
    shutil.copy(state.path / "backup" / state.log.name, state.log)


def recovered_without_policy(state: StateDirectory) -> None:
    """The operator recovers the restored backup, and nobody brings the policy that was last in
    force: version 3, of which the backup knows nothing."""
    all_restored(state)
    log_key = root_of(Contents(bytearray(SEED), PINNED)).own_key(LOG_KEY)
    recover(state, log_key, None, Skip(10_000, 3, ()), utc_now(), PINNED).close()


def spend_under_the_older_policy(world: World) -> str:
    """Long after the recovery, when nothing else of it stands in the way."""
    assert isinstance(world.now, Clock)
    world.now.advance(40 * 24 * 3600)
    return world.word(honest(world, ETHEREUM))


def edited(statement: str) -> Spoil:
    """By somebody who knows SQL and not the log key."""

    def spoil(state: StateDirectory) -> None:
        with sqlite3.connect(state.journal) as database:
            changed = database.execute(statement).rowcount
        database.close()
        assert changed == 1

    return spoil


def blind_columns(state: StateDirectory) -> None:
    """`transfer` is read from a field that no record has."""
    with closing(sqlite3.connect(state.journal)) as database:
        _rewrite_schema(database, "'$.transfer'", "'$.nothing'")
    with closing(sqlite3.connect(state.journal)) as database:
        database.execute("UPDATE journal SET body = body")
        database.execute("REINDEX")
        database.commit()


def contradicting_columns(state: StateDirectory) -> None:
    blind_columns(state)
    with closing(sqlite3.connect(state.journal)) as database:
        _rewrite_schema(database, "'$.nothing'", "'$.transfer'")


def _rewrite_schema(database: sqlite3.Connection, old: str, new: str) -> None:
    database.execute("PRAGMA writable_schema = ON")
    database.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?)", (old, new))
    database.commit()


FORGET_LAST = "DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)"
FORGET_ONE = "DELETE FROM journal WHERE kind = 'signed' AND transfer = 'early 1'"
OTHER_AMOUNT = (
    "UPDATE journal SET body = replace(body, '\"25000\"', '\"1\"') WHERE transfer = 'early 1'"
)
OTHER_POLICY = (
    "UPDATE journal SET body = replace(body, '\\\"count\\\":2', '\\\"count\\\":1')"
    " WHERE kind = 'policy' AND json_extract(body, '$.version') = 2"
)


def spend_again(world: World) -> str:
    """Custody tells which receipt it holds; then what was signed already is asked for again, from
    another nonce, so that it would be paid a second time."""
    assert world.again is not None
    sequence, head = world.newest
    world.refused("expect", sequence=sequence, head=head.hex())
    return world.word(world.again)
