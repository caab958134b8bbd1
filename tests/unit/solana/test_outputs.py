"""Several payments in one message: told one by one, and counted to the byte before there is one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.pubkey import Pubkey

from chains.effects import Pay
from chains.errors import TooManyOutputs
from chains.model import Address
from chains.solana import NONCE_ACCOUNTS_MAX, TRANSACTION_BYTES_MAX
from chains.solana.build import Payment, size_max
from tests.support.solana import MAIN, sign
from tests.unit.solana.test_codec import CODEC, CREATION, KEY, RECIPIENT, TRANSFER, built

OTHER = Pubkey(b"\x08" * 32)


def test_several_payments_are_told_in_their_order_also_twice_to_one() -> None:
    paid = (Payment(RECIPIENT, 2), Payment(OTHER, 1), Payment(RECIPIENT, 2))
    for plan in (replace(TRANSFER, payments=paid), replace(CREATION, payments=paid)):
        summary = CODEC.summarize(built(plan))
        assert summary.unexplained == ()
        assert summary.effects == tuple(
            Pay(Address(str(to)), MAIN.native.id, units) for to, units in paid
        )


def payments_to(count: int) -> list[Payment]:
    """To so many different payees."""
    keys = [Pubkey(n.to_bytes(2, "big") * 16) for n in range(1, count + 1)]
    return [Payment(key, 10**9) for key in keys]


def test_outputs_are_counted_to_the_byte() -> None:
    """The largest of our transactions with so many: never above the packet, and one more is."""
    fits = max(n for n in range(1, 40) if size_max(payments_to(n)) <= TRANSACTION_BYTES_MAX)
    asked = [Pay(Address(str(to)), MAIN.native.id, units) for to, units in payments_to(fits + 1)]
    CODEC.check_outputs(asked[:fits])
    with pytest.raises(TooManyOutputs, match=r"bytes of at most 1232"):
        CODEC.check_outputs(asked)
    smaller, largest = (
        len(sign(CODEC, built(replace(plan, payments=tuple(payments_to(fits)))), KEY).raw)
        for plan in (TRANSFER, replace(CREATION, nonce_index=NONCE_ACCOUNTS_MAX - 1))
    )
    assert smaller < largest == size_max(payments_to(fits))


def test_a_payee_paid_twice_takes_less_room_than_two() -> None:
    (one, two) = payments_to(2)
    assert size_max([one, two]) - size_max([one, one]) == 32


def test_a_payment_of_nothing_behind_another_is_unexplained() -> None:
    plan = replace(TRANSFER, payments=(*TRANSFER.payments, Payment(OTHER, 0)))
    assert "pays nothing" in "; ".join(CODEC.summarize(built(plan)).unexplained)
