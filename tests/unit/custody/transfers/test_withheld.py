"""What a token keeps of a payment: nothing is held for it, and the books say apart what it was."""

from __future__ import annotations

import pytest

from chains.costs import CostKind, Costs, Withholding, costs_of
from chains.model import AssetId
from custody.db.transfer_tables import ReservationRow, TransferRow
from custody.ledger.model import Post, Reason, chain_account, unswept_account, vault_account
from custody.transfers import reservations
from custody.transfers.kinds import Kind
from custody.transfers.reservations import EFFECT, Ending, parts_of
from custody.transfers.settlement import Charge

NATIVE, TOKEN = AssetId("n/slip44:501"), AssetId("n/token:mint")
FEE, KEPT = (NATIVE, CostKind.FEE), (TOKEN, CostKind.WITHHELD)


def test_nothing_is_held_for_it() -> None:
    bounds: Costs = {FEE: 5, KEPT: 25}
    assert parts_of({TOKEN: 1_000}, bounds) == ((TOKEN, EFFECT, 1_000), (NATIVE, "fee", 5))
    assert parts_of({}, {**bounds, KEPT: 90}, bounds) == ()


def test_bounds_by_kind_are_of_the_asset_that_is_paid() -> None:
    named = {CostKind.RENT: 3, CostKind.WITHHELD: 7}
    assert costs_of(NATIVE, TOKEN, named) == {(NATIVE, CostKind.RENT): 3, KEPT: 7}


def test_the_most_is_that_of_the_greater_rate() -> None:
    """Rounded up, and never more than the most of its own."""
    both = Withholding(((250, 5_000), (100, 10**6)))
    assert [both.most_of(units) for units in (0, 1, 41, 10**6, 10**7)] == [0, 1, 2, 10_000, 100_000]
    assert Withholding(()).most_of(10**9) == 0


@pytest.mark.parametrize("kind", [Kind.PAYMENT, Kind.SWEEP])
def test_what_left_is_the_amount_and_what_arrived_is_less(kind: Kind) -> None:
    row = TransferRow(id="t", vault_id="v", kind=kind)
    held = [
        ReservationRow(asset=TOKEN, kind=EFFECT, amount=1_000, entry_id="e1", spent=None),
        ReservationRow(asset=NATIVE, kind="fee", amount=9, entry_id="e2", spent=None),
    ]
    ending = Ending(row, Charge({FEE: 5, KEPT: 25}, {}), paid=True)
    assert reservations._spend(ending, held, {}) == {}, "nothing is gone beyond what was held"
    assert [each.spent for each in held] == [975, 5]
    payer = (unswept_account if kind is Kind.SWEEP else vault_account)("v", TOKEN)
    assert reservations._withheld(ending) == [
        Post(payer, chain_account(TOKEN), 25, "t", Reason.WITHHELD)
    ]
    came = [Post(chain_account(TOKEN), vault_account("v", TOKEN), 975, "t", Reason.TRANSFER)]
    assert reservations._stayed(ending, held) == (came if kind is Kind.SWEEP else [])


def test_what_failed_kept_nothing() -> None:
    ending = Ending(
        TransferRow(id="t", vault_id="v", kind=Kind.PAYMENT), Charge({FEE: 5}, {}), False
    )
    held = [ReservationRow(asset=TOKEN, kind=EFFECT, amount=1_000, entry_id="e1", spent=None)]
    reservations._spend(ending, held, {})
    assert [each.spent for each in held] == [0] and reservations._withheld(ending) == []
