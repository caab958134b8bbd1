"""The catalogue of alarms. A code that is not here can't be raised.

`docs/runbook.md` has a section for each code: what it means, what to look at, what to type. A test
compares the two. Data only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AlarmCode(StrEnum):
    """Stable names, for people, dashboards and the runbook."""

    SHORTAGE = "chain_below_ledger"
    SURPLUS = "chain_above_ledger"
    NOT_COMPARED = "ledger_not_compared"
    BOOKS_BROKEN = "books_broken"
    VAULT_OWES = "vault_owes"
    FOREIGN_DEBIT = "foreign_debit"
    ALLOWANCE_USED = "allowance_used"
    REORG_BELOW_FINALITY = "reorg_below_finality"
    REORG_TOO_DEEP = "reorg_too_deep"
    NODE_WRONG_CHAIN = "node_wrong_chain"
    FOLLOWER_STALLED = "follower_stalled"
    INTERNAL_UNSEEN = "internal_unseen"
    READING_GAP = "reading_gap"
    NODE_TAKEN_OUT = "node_taken_out"
    WITNESS_DISAGREES = "witness_disagrees"
    WITNESS_SILENT = "witness_silent"
    FEE_ABOVE_RESERVATION = "fee_above_reservation"
    SIGNED_ELSEWHERE = "signed_elsewhere"
    DEAD_INCLUDED = "dead_included"
    SIGNER_WARNS = "signer_warns"
    SIGNER_STOPPED = "signer_stopped"
    SIGNER_AHEAD = "signer_ahead"
    SIGNER_BEHIND = "signer_behind"
    LOG_CONTRADICTED = "signer_log_contradicted"
    SIGNER_LOST_RECORDS = "signer_lost_records"
    RECOVERED_UNHELD = "recovered_unheld"
    OUTCOME_UNPROVEN = "transfer_outcome_unproven"
    NONCE_GAP = "nonce_gap"
    PRIVATE_UNSENT = "private_unsent"
    FEE_CAP_REACHED = "fee_cap_reached"
    LOW_WATER = "low_water"
    GAS_SHORT = "gas_short"
    SWEEPS_FAIL = "sweeps_fail"
    COINS_FAIL = "coins_fail"
    MOVE_FAILS = "move_fails"
    CLOCKS_DISAGREE = "clocks_disagree"
    WORKERS_GONE = "workers_gone"
    NETWORKS_CHANGED = "networks_changed"
    PROOFS_LATE = "proofs_late"
    OUTCOME_BREACHED = "outcome_breached"
    TRANSPARENCY_STOPPED = "transparency_stopped"
    TRANSPARENCY_UNWITNESSED = "transparency_unwitnessed"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`words`: one line for a list. `clears_itself`: what raises it also sees when its cause is
    gone, and clears it. All others wait for a person."""

    words: str
    clears_itself: bool


CATALOGUE: Final[Mapping[AlarmCode, Meaning]] = {
    AlarmCode.SHORTAGE: Meaning(
        "less is on the chain than the ledger says; the vault is frozen", clears_itself=True
    ),
    AlarmCode.SURPLUS: Meaning(
        "more is on the chain than the ledger knows of; nothing is frozen", clears_itself=True
    ),
    AlarmCode.NOT_COMPARED: Meaning(
        "a vault could not be compared with the chain for long; a shortage would go unseen",
        clears_itself=True,
    ),
    AlarmCode.BOOKS_BROKEN: Meaning(
        "the ledger's entries do not add up to its totals", clears_itself=True
    ),
    AlarmCode.VAULT_OWES: Meaning(
        "more was taken back from a vault than it had; the vault is frozen", clears_itself=True
    ),
    AlarmCode.FOREIGN_DEBIT: Meaning(
        "money left a vault and nobody agreed to it: somebody may have a key; the vault is frozen",
        clears_itself=False,
    ),
    AlarmCode.ALLOWANCE_USED: Meaning(
        "somebody took what an allowance of ours lets them take; nothing is frozen",
        clears_itself=False,
    ),
    AlarmCode.REORG_BELOW_FINALITY: Meaning(
        "the network undid a block that was final; the vaults that relied on it are frozen",
        clears_itself=False,
    ),
    AlarmCode.REORG_TOO_DEEP: Meaning(
        "the node's chain and ours share no block that we remember; following has stopped",
        clears_itself=True,
    ),
    AlarmCode.NODE_WRONG_CHAIN: Meaning(
        "the node serves another chain; following has stopped", clears_itself=True
    ),
    AlarmCode.FOLLOWER_STALLED: Meaning(
        "a network is not followed: its node goes on without us, fell behind or is silent",
        clears_itself=True,
    ),
    AlarmCode.INTERNAL_UNSEEN: Meaning(
        "a node does not show what contracts pay; such deposits are overlooked",
        clears_itself=True,
    ),
    AlarmCode.READING_GAP: Meaning(
        "blocks were read without all of their movements", clears_itself=True
    ),
    AlarmCode.NODE_TAKEN_OUT: Meaning(
        "a node serves another chain or contradicts itself; the others are asked instead",
        clears_itself=True,
    ),
    AlarmCode.WITNESS_DISAGREES: Meaning(
        "a witness has another block than our node, or serves another chain; nothing becomes final",
        clears_itself=True,
    ),
    AlarmCode.WITNESS_SILENT: Meaning(
        "a witness does not answer or stands still; nothing becomes final", clears_itself=True
    ),
    AlarmCode.FEE_ABOVE_RESERVATION: Meaning(
        "a transfer cost more than its greatest fee; its money stays held", clears_itself=False
    ),
    AlarmCode.SIGNED_ELSEWHERE: Meaning(
        "the signer signed a transaction that custody does not know", clears_itself=False
    ),
    AlarmCode.DEAD_INCLUDED: Meaning(
        "a transaction that was proven dead is in a block after all; its vault is frozen",
        clears_itself=False,
    ),
    AlarmCode.SIGNER_STOPPED: Meaning(
        "an administrator has stopped the signer: only cancels are signed", clears_itself=True
    ),
    AlarmCode.SIGNER_WARNS: Meaning(
        "the signer names something that its operator should mend", clears_itself=True
    ),
    AlarmCode.SIGNER_AHEAD: Meaning(
        "the signer's journal has records that this database does not know; nothing is accepted,"
        " signed or followed until `custody recover`",
        clears_itself=True,
    ),
    AlarmCode.SIGNER_BEHIND: Meaning(
        "the signer has forgotten records that custody holds receipts for; it signs nothing",
        clears_itself=True,
    ),
    AlarmCode.LOG_CONTRADICTED: Meaning(
        "the signer's log does not continue what it signed before: there are two of it, or it was"
        " set back",
        clears_itself=False,
    ),
    AlarmCode.SIGNER_LOST_RECORDS: Meaning(
        "the signer was recovered without all its records; every vault is frozen",
        clears_itself=False,
    ),
    AlarmCode.RECOVERED_UNHELD: Meaning(
        "money of rebuilt transfers can't be held yet; the vault is frozen until it can",
        clears_itself=True,
    ),
    AlarmCode.OUTCOME_UNPROVEN: Meaning(
        "the node shows neither that a transfer happened nor that it can't; its money stays held",
        clears_itself=True,
    ),
    AlarmCode.NONCE_GAP: Meaning(
        "no transaction has an address's next number, and what was signed waits behind it",
        clears_itself=True,
    ),
    AlarmCode.PRIVATE_UNSENT: Meaning(
        "a call of a contract waits for the private nodes, and no other is given it",
        clears_itself=True,
    ),
    AlarmCode.FEE_CAP_REACHED: Meaning(
        "a vault's transactions wait: their fees would exceed what the operator lets a day cost",
        clears_itself=True,
    ),
    AlarmCode.LOW_WATER: Meaning(
        "a vault has less than its low water, and no refill brings it back", clears_itself=True
    ),
    AlarmCode.GAS_SHORT: Meaning(
        "payments of tokens wait for the coins that they cost, and nothing brings these",
        clears_itself=True,
    ),
    AlarmCode.SWEEPS_FAIL: Meaning(
        "later addresses of a vault have enough to be swept by its rule, and the last sweep failed",
        clears_itself=True,
    ),
    AlarmCode.PROOFS_LATE: Meaning(
        "blocks' proofs of final transactions are not kept yet; no payment waits for them",
        clears_itself=True,
    ),
    AlarmCode.COINS_FAIL: Meaning(
        "a vault's coins could not be consolidated or split by its rule, or a payment waits for"
        " fewer coins and nothing makes them fewer",
        clears_itself=True,
    ),
    AlarmCode.MOVE_FAILS: Meaning(
        "a vault is moved to new keys, and something that it has is not brought to its successor",
        clears_itself=True,
    ),
    AlarmCode.CLOCKS_DISAGREE: Meaning(
        "the host's wall clock, the database's and the time counted since the start differ;"
        " nothing expires meanwhile",
        clears_itself=True,
    ),
    AlarmCode.WORKERS_GONE: Meaning(
        "the workers beside an API end again and again; no chain is followed and nothing moves",
        clears_itself=True,
    ),
    AlarmCode.NETWORKS_CHANGED: Meaning(
        "the policy in force describes other networks or assets than custody started with",
        clears_itself=True,
    ),
    AlarmCode.OUTCOME_BREACHED: Meaning(
        "a call moved something else than was agreed on; where no argument of it bounded that, the"
        " vault calls the contract no more until a person lifts it",
        clears_itself=False,
    ),
    AlarmCode.TRANSPARENCY_STOPPED: Meaning(
        "the transparency log is not what was published of it, so nothing more is signed;"
        " no payment waits for it",
        clears_itself=True,
    ),
    AlarmCode.TRANSPARENCY_UNWITNESSED: Meaning(
        "a witness has not signed the transparency log for an hour; nothing waits for it",
        clears_itself=True,
    ),
    AlarmCode.PAUSED: Meaning(
        "a person paused a network or a vault: nothing new leaves there until it is resumed",
        clears_itself=True,
    ),
}


def runbook_section(code: AlarmCode) -> str:
    """Where a person reads what to do."""
    return f"docs/runbook.md#{code}"
