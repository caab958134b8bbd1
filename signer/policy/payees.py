"""What one effect gives away, and to whom, as far as anybody can tell from its words. Pure.

| effect | destination | asset and amount |
|---|---|---|
| Pay | address and memo | what is paid |
| Allow | spender | what may be taken; without a bound, `UNBOUNDED` of it |
| Call | contract | the native coins with it, and what its description says that it takes |
| Sign | nobody can tell | nobody can tell |
| Delegate | the code that the account is handed to | nobody can tell: all there is |

What a contract moves beside that, nobody can tell.
Where nobody can tell, an allow rule that names assets or destinations does not cover the effect,
and a deny rule that names some does: allowing takes what is certain, denying what is possible.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from chains.effects import Allow, Call, Delegate, Effect, Pay, Sign
from chains.model import Address, AssetId

UNBOUNDED: Final = 2**256
"""More than any limit of a policy, which is below 2**256."""


class Payee(NamedTuple):
    """Who gets something. `memo` says whose money it is where several share the address."""

    address: Address
    memo: str | None = None


class Taking(NamedTuple):
    """`amount` base units of `asset` leave, or may be taken later. `payee` gets them."""

    asset: AssetId
    payee: Payee
    amount: int


def payee_of(effect: Effect) -> Payee | None:
    """Who gets what `effect` gives away; None for a message, of which nobody can tell."""
    match effect:
        case Pay():
            return Payee(effect.address, effect.memo)
        case Allow():
            return Payee(effect.spender)
        case Call():
            return Payee(effect.contract)
        case Delegate():
            return Payee(effect.code)
        case Sign():
            return None


def takings_of(effect: Effect, native: AssetId) -> tuple[Taking, ...] | None:
    """What limits count of `effect`; None if it has no amount, and so is above every limit."""
    match effect:
        case Pay():
            return (Taking(effect.asset, Payee(effect.address, effect.memo), effect.amount),)
        case Allow():
            most = UNBOUNDED if effect.amount is None else effect.amount
            return (Taking(effect.asset, Payee(effect.spender), most),)
        case Call():
            taken = ((native, effect.value), *effect.moves)
            return tuple(Taking(asset, Payee(effect.contract), units) for asset, units in taken)
        case Sign() | Delegate():
            return None
