"""Why a message is not signed, each with a code of its own. Part of the tree of `chains.errors`.

InvalidInput
└── MessageRefused                 message_refused
    ├── MessageKindUnknown         message_kind_unknown
    ├── MessageUnreadable          message_unreadable
    ├── MessageIsHash              message_is_hash
    ├── MessageIsTransaction       message_is_transaction
    ├── MessageIsLogin             message_is_login (in another form than a login's)
    ├── MessageDisguised           message_disguised (as a text, which it is not)
    ├── LoginMalformed             login_malformed
    ├── LoginForeign               login_foreign (of another address or chain)
    ├── TypedDataMalformed         typed_data_malformed
    ├── TypedDataWithoutChain      typed_data_without_chain
    ├── TypedDataOtherChain        typed_data_other_chain
    ├── TypedDataWithoutContract   typed_data_without_contract
    ├── TypedDataUndescribed       typed_data_undescribed (gives away what has no words here)
    └── MessagePays                message_pays (a payment, which is a transaction's to make)
"""

from __future__ import annotations

from chains.errors import InvalidInput


class MessageRefused(InvalidInput):
    """Base of what is wrong with a message."""

    code = "message_refused"


class MessageKindUnknown(MessageRefused):
    """The network's addresses sign no message of this kind."""

    code = "message_kind_unknown"


class MessageUnreadable(MessageRefused):
    """Not a text that a person can read."""

    code = "message_unreadable"


class MessageIsHash(MessageRefused):
    """A hash: whoever signs it signs something that nobody has read."""

    code = "message_is_hash"


class MessageIsTransaction(MessageRefused):
    """Bytes that are, or may be, a transaction or a call."""

    code = "message_is_transaction"


class MessageIsLogin(MessageRefused):
    """It asks to sign in, and is not in the form of a login, which names a domain."""

    code = "message_is_login"


class MessageDisguised(MessageRefused):
    """Something that means more than a text does, as a text."""

    code = "message_disguised"


class LoginMalformed(MessageRefused):
    """Not in the form of ERC-4361."""

    code = "login_malformed"


class LoginForeign(MessageRefused):
    """A login of another address or another chain than signs."""

    code = "login_foreign"


class TypedDataMalformed(MessageRefused):
    """Not typed data in the one spelling."""

    code = "typed_data_malformed"


class TypedDataWithoutChain(MessageRefused):
    """Its domain names no chain: it would count on all of them."""

    code = "typed_data_without_chain"


class TypedDataOtherChain(MessageRefused):
    """Its domain names another chain."""

    code = "typed_data_other_chain"


class TypedDataWithoutContract(MessageRefused):
    """Its domain names no contract: nobody can say who takes it."""

    code = "typed_data_without_contract"


class TypedDataUndescribed(MessageRefused):
    """It gives something away, or looks as what does, and nothing here says what and how much."""

    code = "typed_data_undescribed"


class MessagePays(MessageRefused):
    """A payment that anybody may submit (EIP-3009). Payments have a purpose of their own, under
    which one is bound to its number and its money is held."""

    code = "message_pays"
