"""What the fee payer of another's payment does, in words, and back (ADR 0097). Pure.

A message has two signatures: who owns the tokens signs first, and who pays for the transaction puts
his beside it. What he does is a call: the owner moves his tokens, and nothing of the payer's does
but fee and rent. The words have all that the message has, and the owner's signature. So the bytes
follow from what was agreed to, and with other words or another signature it is another call.
"""

from __future__ import annotations

import struct
from typing import Final

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.effects import Call
from chains.errors import CallUnknown
from chains.model import Address
from chains.solana.build import TransferPlan, build_message
from chains.solana.explain import Unexplained, explain, parse_message
from chains.solana.nonce import index_of, value_of
from chains.solana.spl import TokenPayment

FUNCTION: Final = "TransferChecked"
_FLAGS: Final = {"false": False, "true": True}


def is_signed(plan: TransferPlan, signature: bytes) -> bool:
    """Whether `signature` is the owner's, over the message (RFC 8032, as validators verify)."""
    if plan.owner is None or len(signature) != Signature.LENGTH:
        return False
    return Signature(signature).verify(plan.owner, build_message(plan))


def words(plan: TransferPlan, signature: bytes) -> Call:
    """What `plan.source` does by signing beside the owner."""
    (payment,) = plan.tokens
    said = {
        "payer": plan.source,
        "owner": plan.owner,
        "mint": payment.mint,
        "account": payment.account,
        "payee": payment.recipient,
        "opens": str(payment.opens).lower(),
        "amount": payment.units,
        "decimals": payment.decimals,
        "unit_limit": plan.unit_limit,
        "unit_price": plan.unit_price,
        "nonce_account": plan.nonce_account,
        "nonce": plan.lifetime,
        "blockhash": plan.origin,
        "signature": Signature(signature),
    }
    told = tuple((name, str(value)) for name, value in said.items())
    return Call(Address(str(payment.program)), FUNCTION, told, 0)


def read(call: Call, sender: Address | None) -> tuple[TransferPlan, bytes]:
    """The transaction that does it, and the owner's signature. `sender`: who does it, None where
    that is not known yet. Raises CallUnknown unless its words are these and no others."""
    try:
        plan, signature = _read(call)
        found = explain(parse_message(build_message(plan)))
    except (ValueError, KeyError, OverflowError, struct.error, Unexplained) as error:
        raise CallUnknown(f"nothing describes {call.function} of {call.contract}") from error
    if found.owner is None or words(plan, signature) != call:
        raise CallUnknown("the call is not in the one form that has words")
    if not is_signed(plan, signature):
        raise CallUnknown("the owner of the tokens has not signed this")
    if sender not in (None, str(plan.source)):
        raise CallUnknown("somebody else pays for it, says the message")
    return plan, signature


def _read(call: Call) -> tuple[TransferPlan, bytes]:
    said = dict(call.arguments)

    def key(name: str) -> Pubkey:
        return Pubkey.from_string(said[name])

    source, origin = key("payer"), Hash.from_string(said["blockhash"])
    index = index_of(source, key("nonce_account"))
    if index is None:
        raise ValueError("not one of the payer's nonce accounts")
    payment = TokenPayment(
        recipient=key("payee"),
        units=int(said["amount"]),
        mint=key("mint"),
        program=Pubkey.from_string(call.contract),
        decimals=int(said["decimals"]),
        account=key("account"),
        opens=_FLAGS[said["opens"]],
    )
    plan = TransferPlan(
        source=source,
        payments=(payment,),
        nonce_index=index,
        lifetime=value_of(origin),
        unit_limit=int(said["unit_limit"]),
        unit_price=int(said["unit_price"]),
        origin=origin,
        owner=key("owner"),
    )
    return plan, bytes(Signature.from_string(said["signature"]))
