"""Codes of messages that are not signed. Data only."""

from __future__ import annotations

from typing import Final

from api.errorcodes.model import Word, Words

_FIX: Final = "Correct the request; repeating it as it is changes nothing."
_TYPED: Final = "Ask the site's operator; a wallet would show nobody what this does."

MESSAGES: Final[Words] = {
    "message_ambiguous": Word(
        (422,), "Not exactly one of `text`, `hex` and `typed_data` is given.", "Give one."
    ),
    "message_too_long": Word((422,), "Longer than a message may be.", "Sign less."),
    "message_pays": Word(
        (422,),
        "It is a payment that anybody may submit (EIP-3009), and no message.",
        "Ask for a transfer: then its money is held.",
    ),
    "message_lifetime": Word(
        (422,),
        "What it gives away can be had no more, or for longer than an hour from now.",
        "Have the site make one whose deadline is within the hour.",
    ),
    "message_not_found": Word((404,), "No such message, or not for this key.", "Check the id."),
    "vault_without_address": Word(
        (422,), "The vault has no address on the network.", "Make one first."
    ),
    "message_refused": Word((422,), "Base of the tree; nothing says only this.", _FIX),
    "message_kind_unknown": Word(
        (422,), "The network's addresses sign no message of this kind.", "See `docs/api.md`."
    ),
    "message_unreadable": Word(
        (422,), "Not a text that a person can read: octets, or letters that nobody sees.", _FIX
    ),
    "message_is_hash": Word(
        (422,),
        "A hash: its signature may stand under something that nobody here has read.",
        "Have what was hashed signed.",
    ),
    "message_is_transaction": Word(
        (422,),
        "Bytes that are or may be a transaction or a call.",
        "Ask for a transfer or a call.",
    ),
    "message_is_login": Word(
        (422,),
        "It asks to sign in, and is not in the form of a login (ERC-4361).",
        "Have the site write it in that form; a rule names its domain.",
    ),
    "message_disguised": Word(
        (422,),
        "As a text, something that means more than a text: typed data, or what this house signs "
        "for itself.",
        "Ask for it as what it is.",
    ),
    "login_malformed": Word((422,), "Not in the form of ERC-4361.", _FIX),
    "login_foreign": Word((422,), "A login of another address or chain than signs it.", _FIX),
    "typed_data_malformed": Word(
        (422,), "Not typed data: its types and its values don't fit.", _FIX
    ),
    "typed_data_without_chain": Word(
        (422,), "Its domain names no chain, so that it counts on all of them.", _TYPED
    ),
    "typed_data_other_chain": Word((422,), "Its domain names another chain.", _FIX),
    "typed_data_without_contract": Word(
        (422,), "Its domain names no contract, so that nobody can say who takes it.", _TYPED
    ),
    "typed_data_undescribed": Word(
        (422,),
        "By its name or its contract it gives something away, and nothing here describes what and "
        "how much: an order, a permit of a token that is not listed or that looks like one.",
        _TYPED,
    ),
}
