"""Attacks by calls: of what submits a stranger's payment, of described contracts, and by
allowances."""

from __future__ import annotations

from typing import Final

from tests.hostile import carried, described, planned
from tests.hostile.attack import Attack
from tests.hostile.carried import carrier
from tests.hostile.described import bent
from tests.hostile.transactions import THIEF_EVM

CALLS: Final = (
    Attack(
        "another payment is submitted",
        "agreed was one that the holder signed, the bytes submit another of his",
        "mismatch/terms",
        carrier(data=carried.OTHER_DATA),
    ),
    Attack(
        "a longer life in the words",
        "the mandate names a later end than the bytes and the signature",
        "mismatch/terms",
        carrier(carried.LONGER),
    ),
    Attack(
        "another spelling of a call",
        "the agreed calldata with a word behind it",
        "unexplained/transaction",
        carrier(data=carried.DATA + bytes(32)),
    ),
    Attack(
        "a signature that is not the holder's",
        "the agreed calldata with a byte of the signature changed",
        "unexplained/transaction",
        carrier(data=carried.DATA[:-1] + bytes([carried.DATA[-1] ^ 1])),
    ),
    Attack(
        "coins with a call",
        "the agreed call, and a wei with it",
        "unexplained/transaction",
        carrier(value=1),
    ),
    Attack(
        "a payment that another has to receive",
        "signed for its payee alone to submit: it would fail and cost its fee",
        "unexplained/transaction",
        carrier(carried.RECEIVED, carried.RECEIVED_DATA),
    ),
    Attack(
        "a call instead of a payment",
        "what the vault was to pay is taken from the holder",
        "mismatch/kind",
        carrier(carried.PAID, vault="main"),
    ),
    Attack(
        "a call under a rule for payments",
        "the vault's rule names transfers and no calls",
        "denied/no-rule",
        carrier(vault="main"),
    ),
    Attack(
        "two transactions for one call",
        "the same words with another number of the account",
        "conflict/both-could-confirm",
        carried.twice,
    ),
)

DESCRIBED: Final = (
    Attack(
        "calldata with two meanings",
        "a list's offset leads past its place, to a tail that another reader does not see",
        "unexplained/transaction",
        bent(lambda data: data[: 4 + 2 * 32 + 31] + b"\xc0" + data[4 + 3 * 32 :] + bytes(32)),
    ),
    Attack(
        "dirty bytes before an address",
        "old contracts overlook them, and two readers see two payees",
        "unexplained/transaction",
        bent(lambda data: data[: 4 + 3 * 32] + b"\1" + data[4 + 3 * 32 + 1 :]),
    ),
    Attack(
        "a word behind a described call",
        "which contracts may read",
        "unexplained/transaction",
        bent(lambda data: data + bytes(32)),
    ),
    Attack(
        "a function that nobody described",
        "the agreed arguments behind another selector",
        "unexplained/transaction",
        bent(lambda data: b"\xde\xad\xbe\xef" + data[4:]),
    ),
    Attack(
        "a description for another contract",
        "the agreed calldata, sent to a contract of the thief's",
        "unexplained/transaction",
        bent(lambda data: data, to=THIEF_EVM),
    ),
    Attack(
        "a call within a call that nobody described",
        "the contract is told to hand on another selector",
        "unexplained/transaction",
        described.handed_on(lambda data: b"\xde\xad\xbe\xef" + data[4:]),
    ),
    Attack(
        "dirty bytes in a call within a call",
        "before an address of what is handed on",
        "unexplained/transaction",
        described.handed_on(lambda data: data[: 4 + 3 * 32] + b"\1" + data[4 + 3 * 32 + 1 :]),
    ),
    Attack(
        "a call within a call beyond its condition",
        "agreed to and built alike: what is handed on pays somebody else",
        "denied/call-condition",
        described.handed_on(lambda data: data, agreed=True, to=THIEF_EVM),
    ),
    Attack(
        "a step that may fail unseen",
        "a router's plan with the bit that lets its swap fail",
        "unexplained/transaction",
        planned.built(lambda plan: plan._replace(commands=b"\x80")),
    ),
    Attack(
        "a step that nobody knows",
        "an octet that means nothing today, and something to the next router",
        "unexplained/transaction",
        planned.built(planned.also(0x07, planned.sends(THIEF_EVM, THIEF_EVM))),
    ),
    Attack(
        "a step that no rule names",
        "agreed to and built alike: behind the swap, what the router has goes to the thief",
        "denied/call-condition",
        planned.built(planned.also(0x05, planned.sends(THIEF_EVM, THIEF_EVM)), agreed=True),
    ),
    Attack(
        "bits that a step overlooks",
        "agreed was a plan; its bytes sweep a number whose high bits the router does not read",
        "unexplained/transaction",
        planned.built(planned.also(0x04, planned.sends(THIEF_EVM, THIEF_EVM, high=b"\1"))),
    ),
    Attack(
        "more told than there are steps",
        "an input that no octet of the plan reads",
        "unexplained/transaction",
        planned.built(lambda plan: plan._replace(inputs=plan.inputs * 2)),
    ),
    Attack(
        "another who gets what a step swaps",
        "the bytes name the thief",
        "mismatch/terms",
        planned.built(planned.instead()),
    ),
    Attack(
        "a way through another pool",
        "agreed to and built alike: a pool whose price the thief makes",
        "denied/call-condition",
        planned.own(fee=10_000),
    ),
    Attack(
        "a way with octets behind it",
        "which routers overlook",
        "unexplained/transaction",
        planned.built(planned.instead(over=b"\0")),
    ),
    Attack(
        "plans within plans, too deep",
        "five levels, of which nobody is shown the last",
        "unexplained/transaction",
        planned.built(lambda plan: plan.within(4)),
    ),
    Attack(
        "coins to a function that takes none",
        "the agreed call, and a wei with it",
        "unexplained/transaction",
        bent(lambda data: data, value=1),
    ),
    Attack(
        "a call that takes a token which nobody listed",
        "the call takes a token which no window counts",
        "unexplained/transaction",
        described.unlisted,
    ),
    Attack(
        "another argument than agreed to",
        "the bytes name another who gets what is swapped",
        "mismatch/terms",
        described.instead(to=THIEF_EVM),
    ),
    Attack(
        "a call that is said to take nothing",
        "the mandate leaves out what it takes, so that no window counts it",
        "mismatch/terms",
        described.taking_nothing,
    ),
    Attack(
        "an argument outside its condition",
        "agreed to and built alike: somebody else gets what is swapped",
        "denied/call-condition",
        described.saying(to=THIEF_EVM),
    ),
    Attack(
        "a price below the rule's",
        "agreed to and built alike: a unit less than the ratio asks",
        "denied/call-condition",
        described.saying(amountOutMin="989"),
    ),
    Attack(
        "a deadline too far",
        "a swap that the thief may have included when the price suits him",
        "denied/call-deadline",
        described.saying(later=1300),
    ),
    Attack(
        "a deadline that is over",
        "it can only fail and cost its fee",
        "denied/call-deadline",
        described.saying(later=-60),
    ),
    Attack(
        "more coins than a rule lets go with a call",
        "a wei more than `value_max`",
        "denied/call-value",
        described.coins,
    ),
    Attack(
        "an unlimited allowance",
        "agreed to and built alike, under a rule that names no asset for it",
        "denied/allowance-unlimited",
        described.allowing(described.WITHOUT_END),
    ),
    Attack(
        "an allowance on top of another",
        "increaseAllowance with the agreed amount: with what is allowed already it is more",
        "unexplained/transaction",
        described.allowing(described.ALLOWED, lambda data: b"\x39\x50\x93\x51" + data[4:]),
    ),
    Attack(
        "a larger allowance",
        "agreed was less than the bytes allow",
        "mismatch/terms",
        described.allowing(described.ALLOWED, lambda data: data[:-1] + b"\xff"),
    ),
    Attack(
        "a policy with two functions of one selector",
        "signed by administrators: one contract, and two meanings of the same four bytes",
        "malformed/policy",
        described.clash,
    ),
    Attack(
        "a policy that describes a transfer otherwise",
        "signed by administrators: a token's own function under arguments of other names",
        "malformed/policy",
        described.renamed_transfer,
    ),
    Attack(
        "a policy whose rule calls what nobody described",
        "signed by administrators: a condition on an argument that no description has",
        "malformed/policy",
        described.undescribed_rule,
    ),
)
