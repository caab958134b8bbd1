"""What it costs to have a transaction that waits in a block sooner, as it is shown."""

from __future__ import annotations

from pydantic import Field

from api.schemas import Money, View, money, with_example
from chains.catalogue import Catalogue
from custody.transfers.sooner import Sooner

_MONEY = {"amount": "0.0000121", "amount_base_units": "1210"}
_REPLACEMENT = {
    "fee": {"amount": "0.000231", "amount_base_units": "23100"},
    "fee_if_not_pinned": _MONEY,
    "pinned": True,
    "possible": True,
    "children": 1,
    "children_size": 18_712,
    "children_fee": {"amount": "0.0002189", "amount_base_units": "21890"},
}

_CHILD = {"fee": _MONEY, "spends": {"amount": "4.9", "amount_base_units": "490000000"}}


class ReplacementView(View):
    """One of the same size in its place (BIP-125)."""

    model_config = with_example(_REPLACEMENT)

    fee: Money = Field(description="the least that nodes take")
    fee_if_not_pinned: Money = Field(description="the same if nothing spent it yet")
    pinned: bool = Field(description="what spends it already makes it dearer")
    possible: bool = Field(
        description="false where more transactions would go with it than nodes let go"
    )
    children: int = Field(description="transactions that wait and spend it, or spend these")
    children_size: int = Field(description="of all these together, virtual bytes")
    children_fee: Money = Field(description="what all these pay, to be outbid")


class ChildView(View):
    """A transaction of the vault's own that spends its change and pays for both: a transfer of
    `all` with `child_of`."""

    model_config = with_example(_CHILD)

    fee: Money
    spends: Money = Field(description="what its coin is worth")


class SoonerView(View):
    model_config = with_example(
        {
            "txid": "3f" * 32,
            "replacement": _REPLACEMENT,
            "child": _CHILD,
        }
    )

    txid: str = Field(description="the transaction that waits")
    replacement: ReplacementView
    child: ChildView | None = Field(description="null if it leaves the vault no coin to spend")


def sooner_view(found: Sooner, catalogue: Catalogue) -> SoonerView:
    asset, outbid = catalogue.find_asset(found.asset), found.outbid
    child = None
    if found.child is not None and found.child_spends is not None:
        child = ChildView(fee=money(found.child, asset), spends=money(found.child_spends, asset))
    return SoonerView(
        txid=found.txid,
        replacement=ReplacementView(
            fee=money(outbid.fee, asset),
            fee_if_not_pinned=money(outbid.alone, asset),
            pinned=outbid.fee > outbid.alone,
            possible=outbid.possible,
            children=outbid.children,
            children_size=outbid.children_size,
            children_fee=money(outbid.children_fee, asset),
        ),
        child=child,
    )
