"""Attacks by messages."""

from __future__ import annotations

from typing import Final

from chains.messages.model import ANYBODY, Kind
from tests.hostile import saying
from tests.hostile.attack import Attack
from tests.hostile.saying import as_login, as_text, as_typed, instead, lie, permitting
from tests.support import messages as said

SAID: Final = (
    Attack(
        "a transaction as a message",
        "agreed was a text, the bytes are a payment",
        "malformed/transaction_malformed",
        saying.transaction_as_message,
    ),
    Attack(
        "a message as a transaction",
        "the bytes of a text, asked for as a payment",
        "malformed/transaction_malformed",
        saying.message_as_transaction,
    ),
    Attack(
        "another text",
        "agreed was one that people read, the bytes say another",
        "mismatch/terms",
        instead(as_text("I owe you all")),
    ),
    Attack(
        "a hash to sign",
        "of a transaction, of which nobody was told",
        "malformed/message_is_hash",
        lie(as_text("0x" + "9c" * 32)),
    ),
    Attack(
        "letters that nobody sees",
        "they turn what people read around",
        "malformed/message_unreadable",
        lie(as_text("pay \u202eydobon")),
    ),
    Attack(
        "a login at another site",
        "the rule names one, the text asks to sign in at another",
        "denied/message-unnamed",
        lie(as_login("evil.example")),
    ),
    Attack(
        "a login as a text",
        "the rule for texts names no site",
        "malformed/message_is_login",
        lie(as_login("evil.example", Kind.EIP191, ANYBODY)),
    ),
    Attack(
        "typed data of another chain",
        "where the vault has the same address",
        "malformed/typed_data_other_chain",
        lie(as_typed(saying.FOREIGN)),
    ),
    Attack(
        "typed data for another contract",
        "the structure that the rule names, for a contract of the thief's",
        "denied/message-unnamed",
        lie(as_typed(saying.ELSEWHERE)),
    ),
    Attack(
        "typed data in another spelling",
        "a blank more: two readers might see two documents",
        "malformed/typed_data_malformed",
        lie(as_typed(said.mail(), lambda content: content + b" ")),
    ),
    Attack(
        "an order as a message",
        "its signature sells what the vault has",
        "malformed/typed_data_undescribed",
        lie(as_typed(said.order())),
    ),
    Attack(
        "a permit called a message",
        "agreed to as typed data of the token's contract",
        "mismatch/kind",
        saying.called_a_message,
    ),
    Attack(
        "more in a permit",
        "one base unit more than was agreed",
        "mismatch/terms",
        lie(permitting(units=2, agreed=1)),
    ),
    Attack(
        "a permit that could be kept",
        "to be submitted in a day, when nobody looks",
        "malformed/lifetime",
        lie(permitting(later=24 * 3600)),
    ),
    Attack(
        "a second permit for the same transfer",
        "the holder's next number: the contract would take both",
        "conflict/both-could-confirm",
        saying.again,
    ),
    Attack(
        "one permit for two transfers",
        "one of the two receipts would prove nothing",
        "conflict/another-set",
        saying.for_two,
    ),
    Attack(
        "a window split over permits",
        "each is within the limit, both are not",
        "denied/window-amount",
        saying.window_split,
    ),
    Attack(
        "a payment as a message",
        "signed apart (EIP-3009), and once more under the other purpose",
        "malformed/message_pays",
        saying.payment_as_message,
    ),
    Attack(
        "a message of another vault's address",
        "agreed to for this one's",
        "mismatch/source",
        saying.by_another_vault,
    ),
    Attack(
        "a message under a rule for payments",
        "the vault's rule names transfers and no messages",
        "denied/no-rule",
        saying.under_a_rule_for_payments,
    ),
)
