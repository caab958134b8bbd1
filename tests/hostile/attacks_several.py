"""Attacks with several transfers in one transaction, with versions, cancels and other effects."""

from __future__ import annotations

from typing import Final

from signer.wire import Action
from tests.hostile import several
from tests.hostile.attack import Attack

PARTNERS: Final = (
    Attack(
        "one transfer in two batches",
        "with other partners in each: both could confirm",
        "conflict/both-could-confirm",
        several.two_batches,
    ),
    Attack(
        "a chain of batches",
        "A{1}, B{1,2}, C{2}: the first and the last both confirm",
        "conflict/both-could-confirm",
        several.chain_of_batches,
    ),
    Attack(
        "bytes reused for another partner",
        "a payment that looks the same would have two receipts",
        "conflict/another-set",
        several.another_partner,
    ),
    Attack(
        "bytes reused for one of two",
        "what was signed for two transfers, claimed for one",
        "mismatch/effects",
        several.one_of_two,
    ),
    Attack(
        "a partner of another client",
        "another client's transfer is paid from this vault's coins",
        "mismatch/together",
        several.partners_of("other"),
    ),
    Attack(
        "a partner of another vault",
        "the same client's, under another rule",
        "mismatch/together",
        several.partners_of("joint"),
    ),
    Attack(
        "a transfer twice in one request",
        "it would lend its bounds twice, and be paid twice",
        "malformed/transfer-twice",
        several.twice_in_a_request,
    ),
    Attack(
        "a transfer in two versions in one request",
        "the same with a second version of it",
        "malformed/transfer-twice",
        several.two_versions_in_a_request,
    ),
    Attack(
        "one payment for two transfers",
        "both to one payee, who is paid once",
        "mismatch/effects",
        several.one_payment_for_two,
    ),
    Attack(
        "a partner's approvals",
        "the approvals of one transfer, shown for the other",
        "unauthenticated/approval-signature",
        several.borrowed_approvals,
    ),
    Attack(
        "a partner that nobody approved",
        "beside one that is approved",
        "needs-approvals/approvals",
        several.carried_along,
    ),
    Attack(
        "bounds counted twice",
        "a fee above the sum of what two transfers may cost",
        "mismatch/fee",
        several.bounds_twice,
    ),
    Attack(
        "rent taken as a fee",
        "Solana: one kind of cost within the sum of both bounds",
        "mismatch/fee",
        several.rent_as_fee,
    ),
    Attack(
        "a window split within one transaction",
        "two transfers, each below the limit",
        "denied/window-amount",
        several.window_within_a_batch,
    ),
)

VERSIONS: Final = (
    Attack(
        "version 1's approvals under version 2",
        "which may cost more",
        "unauthenticated/approval-signature",
        several.old_approval_of_a_new_version,
    ),
    Attack(
        "another transfer by the same name",
        "approved anew, the nonce shared, another initiator",
        "conflict/another-core",
        several.another_core,
    ),
    Attack(
        "a basis of another rule",
        "approved, resting on what another vault's approvers agree to",
        "basis/other-basis",
        several.basis_of_another_rule,
    ),
    Attack(
        "a window that forgets the dearer version",
        "signed again with lower bounds, to free a part of the window",
        "denied/window-amount",
        several.window_forgets_the_dearer,
    ),
    Attack(
        "a memo left out",
        "it says whose money it is at a shared account",
        "mismatch/destination",
        several.memo_left_out,
    ),
)

CANCELS: Final = (
    Attack(
        "a cancel before anything was signed",
        "a fee that nobody agreed to",
        "conflict/nothing-to-cancel",
        several.cancel_of_nothing,
    ),
    Attack(
        "a cancel with bounds only offered",
        "higher bounds of a version that nothing was signed for",
        "conflict/nothing-to-cancel",
        several.cancel_of_an_offer,
    ),
    Attack(
        "a cancel of a partner that was never signed",
        "its bound would pay for the other's cancel",
        "conflict/nothing-to-cancel",
        several.cancel_of_a_partner,
    ),
    Attack(
        "a cancel that pays",
        "the thief, with the nonce of what it cancels",
        "mismatch/effects",
        several.cancel_that_pays,
    ),
    Attack(
        "a cancel that costs more",
        "than any version that was signed",
        "mismatch/fee",
        several.cancel_that_costs_more,
    ),
    Attack(
        "a cancel repeated to burn fees",
        "with another nonce, so that both confirm",
        "conflict/both-could-confirm",
        several.cancel_elsewhere,
    ),
    Attack(
        "a cancel that erases",
        "the window of what it cancels, to be spent again",
        "denied/window-amount",
        several.cancel_that_erases,
    ),
)

_NAMES: Final = {
    Action.ALLOW: "an allowance",
    Action.CALL: "a contract call",
    Action.SIGN: "a message",
    Action.DELEGATE: "an account handed over",
}
EFFECTS: Final = (
    *(
        Attack(
            f"{name} beside a payment",
            "in the mandate, approved; the bytes make the payment alone",
            "mismatch/effects",
            several.in_a_mandate(action),
        )
        for action, name in _NAMES.items()
    ),
    *(
        Attack(
            f"{name} that no rule names",
            "approved by two, under rules for transfers; asked without a transaction",
            "denied/no-rule",
            several.considered(several.EFFECTS[action]),
            recorded=False,
        )
        for action, name in _NAMES.items()
    ),
    *(
        Attack(
            f"{name} called a transfer",
            "the same beside a payment, in a mandate that says it is one",
            several.SAID_OF[action],
            several.considered(
                several.TO_SUPPLIER, several.EFFECTS[action], called=Action.TRANSFER
            ),
            recorded=False,
        )
        for action, name in _NAMES.items()
    ),
)
