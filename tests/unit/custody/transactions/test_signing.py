"""What the signer is asked, and which receipt answers it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chains.errors import SignatureMismatch
from chains.model import NetworkId, UnsignedTx
from custody.transactions.looking import Built
from custody.transactions.signing import _check_receipt, request_of
from signer.wire import Purpose, Receipt, tx_digest

TX = UnsignedTx(NetworkId("test:1"), b"bytes")


def receipt(purpose: Purpose) -> Receipt:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    return Receipt(purpose, (), (), tx_digest(TX), (), (), bytes(32), "", moment)


@pytest.mark.parametrize("purpose", Purpose)
def test_the_signer_is_asked_for_what_the_transaction_is_for(purpose: Purpose):
    assert request_of(Built("txn", purpose, TX, ())).purpose is purpose


@pytest.mark.parametrize("purpose", Purpose)
def test_a_receipt_for_another_purpose_is_none(purpose: Purpose):
    built = Built("txn", purpose, TX, ())
    for each in Purpose:
        if each is purpose:
            _check_receipt(built, receipt(each))
        else:
            with pytest.raises(SignatureMismatch, match="another mandate"):
                _check_receipt(built, receipt(each))
