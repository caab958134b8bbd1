"""Attacks on what the signer remembers: second transactions, split limits, spoilt files."""

from __future__ import annotations

from typing import Final

from tests.hostile import memory
from tests.hostile.attack import NO_START, Attack
from tests.hostile.transactions import (
    BITCOIN,
    ETHEREUM,
    SOLANA,
    TRON,
)

GUARD: Final = (
    Attack(
        "a second transaction",
        "another nonce for the same approved transfer: it would pay twice",
        "conflict/both-could-confirm",
        memory.second_transaction(ETHEREUM),
    ),
    Attack(
        "a second transaction from other coins",
        "another coin for the same approved transfer",
        "conflict/both-could-confirm",
        memory.second_transaction(BITCOIN),
    ),
    Attack(
        "a second transaction on TRON",
        "another timestamp; nothing on TRON keeps both from confirming",
        "conflict/both-could-confirm",
        memory.second_transaction(TRON),
    ),
    Attack(
        "a second transaction on Solana",
        "another nonce value for the same approved transfer",
        "conflict/both-could-confirm",
        memory.second_transaction(SOLANA),
    ),
    Attack(
        "a blockhash as nonce value",
        "Solana: two transactions share a nonce value that is really a recent blockhash",
        "conflict/both-could-confirm",
        memory.blockhash_as_nonce,
    ),
    Attack(
        "another nonce value's proof",
        "Solana: the proof that a nonce value is no blockhash stands behind another value",
        "malformed/transaction_malformed",
        memory.another_value_s_proof,
    ),
    Attack(
        "a proof left out",
        "Solana: a second transaction on a proven nonce value, without its proof",
        "conflict/both-could-confirm",
        memory.proof_left_out,
    ),
    Attack(
        "a proof that comes too late",
        "Solana: the first transaction on the nonce value came without",
        "conflict/both-could-confirm",
        memory.proof_too_late,
    ),
    Attack(
        "a rival creation on Solana",
        "a second transaction that creates the same nonce account: it would fail, and be charged",
        "conflict/both-could-confirm",
        memory.rival_creation,
    ),
    Attack(
        "one transaction for two transfers",
        "approved for both: two receipts would prove two payments where there is one",
        "conflict/another-set",
        memory.two_transfers(ETHEREUM),
    ),
    Attack(
        "one transaction for two transfers on TRON",
        "the same bytes under a second id",
        "conflict/another-set",
        memory.two_transfers(TRON),
    ),
    Attack(
        "one transaction in two containers",
        "bitcoin: the same transaction in another PSBT, for a second transfer",
        "conflict/another-set",
        memory.two_containers,
    ),
    Attack(
        "a third beside the first",
        "it shares a coin with the second transaction and none with the first",
        "conflict/both-could-confirm",
        memory.third_beside_the_first,
    ),
    Attack(
        "the same transfer on another network",
        "newly approved, under an id that was signed for Ethereum",
        "conflict/another-core",
        memory.same_id_another_network,
    ),
    Attack(
        "the same transfer from another vault",
        "under an id that was signed for another vault",
        "conflict/another-core",
        memory.same_id_another_vault,
    ),
    Attack(
        "more in a replacement",
        "the same nonce, twice the amount, the approvals of the first",
        "unauthenticated/approval-signature",
        memory.more_for_a_replacement,
    ),
    Attack(
        "TRON's one transaction under a second id",
        "a new transfer id with the approvals of the first",
        "unauthenticated/approval-signature",
        memory.tron_second_transfer,
    ),
    Attack(
        "TRON's one transaction under ever new ids",
        "where no approval is needed, until the window is full",
        "denied/window-amount",
        memory.until_refused(memory.petty_tron),
    ),
    Attack(
        "a window split over many requests",
        "each amount below every limit",
        "denied/window-amount",
        memory.until_refused(memory.petty("amounts", 60_000)),
    ),
    Attack(
        "a window split within one batch",
        "all in one message, before any is recorded",
        "denied/window-amount",
        memory.in_one_batch,
    ),
    Attack(
        "a window split over a restart",
        "the signer is killed after each signature",
        "denied/window-amount",
        memory.until_refused(memory.petty("restart", 60_000), crash=True),
        own=True,
    ),
    Attack(
        "a count split over many requests",
        "one wei each",
        "denied/window-count",
        memory.until_refused(memory.petty("counts", 1)),
    ),
    Attack(
        "a limit drained as fees",
        "payments of one wei with large fees",
        "denied/window-amount",
        memory.until_refused(memory.petty("fees", 1, fee=84_000)),
    ),
    Attack(
        "a destination's limit drained as fees",
        "payments of one wei with large fees, to one supplier",
        "denied/window-amount",
        memory.until_refused(memory.petty("payees", 1)),
    ),
)

FILES: Final = (
    Attack(
        "the journal cut in half",
        "the database file truncated",
        NO_START,
        spoil=memory.cut_in_half,
        own=True,
        says="journal",
    ),
    Attack(
        "the journal emptied",
        "an empty file beside the audit log",
        NO_START,
        spoil=memory.emptied,
        says="the journal to 0",
    ),
    Attack(
        "the journal removed",
        "no file beside the audit log",
        NO_START,
        spoil=memory.removed,
        own=True,
        says="the journal to 0",
    ),
    Attack(
        "the write-ahead log removed",
        "after a crash, so that the last records are gone",
        NO_START,
        spoil=memory.without_wal,
        own=True,
        says="the journal to",
    ),
    Attack(
        "the last record deleted",
        "with SQL, the seal left as it is",
        NO_START,
        spoil=memory.edited(memory.FORGET_LAST),
        says="seal",
    ),
    Attack(
        "a record in the middle deleted",
        "with SQL",
        NO_START,
        spoil=memory.edited(memory.FORGET_ONE),
        says="missing",
    ),
    Attack(
        "an amount in a record changed",
        "with SQL, so that the window looks empty",
        NO_START,
        spoil=memory.edited(memory.OTHER_AMOUNT),
        says="was changed",
    ),
    Attack(
        "the recorded policy changed",
        "with SQL, two approvals made into one",
        NO_START,
        spoil=memory.edited(memory.OTHER_POLICY),
        says="was changed",
    ),
    Attack(
        "the journal's columns made to lie",
        "its schema changed, so that no lookup finds what was signed though every record is there",
        NO_START,
        spoil=memory.blind_columns,
        says="tables",
    ),
    Attack(
        "a column that contradicts its record",
        "the same with the schema put back as it was",
        NO_START,
        spoil=memory.contradicting_columns,
        says="column",
    ),
    Attack(
        "an older journal beside the newer log",
        "only the database restored from a backup",
        NO_START,
        spoil=memory.journal_restored,
        says="the journal to",
    ),
    Attack(
        "everything restored from a backup",
        "journal and log as they were; custody holds a newer receipt",
        "unavailable/journal-behind",
        memory.spend_again,
        spoil=memory.all_restored,
        own=True,
    ),
    Attack(
        "an older policy after a recovery",
        "a restored backup, recovered without the last policy; approved under the one it holds",
        "denied/no-policy",
        memory.spend_under_the_older_policy,
        spoil=memory.recovered_without_policy,
    ),
    Attack(
        "journal and log removed",
        "custody holds a receipt for a record that never was",
        "unavailable/journal-behind",
        memory.spend_again,
        spoil=memory.removed_with_log,
    ),
)
