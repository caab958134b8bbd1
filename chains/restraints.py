"""What an issuer can do to a token's holders, told by a contract that speaks as `abi` says: freeze
one, or stop all. Pure. Accounts are the 20 bytes that contracts know.

Which of it a token has is a trait of its row, so that it is signed. A contract that does not answer
what its row says that it answers is not what was listed: nothing is paid then.

Circle: FiatToken (Blacklistable, Pausable); Tether: TetherToken (BlackList, Pausable), and those
that are made like them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from chains.abi import PADDING, TokenTrait, selector
from chains.assets import Asset
from chains.errors import BalanceFrozen, BuildError, PayeeFrozen, TokenPaused

_LISTS: Final = {
    TokenTrait.BLACKLIST: selector("isBlacklisted(address)"),
    TokenTrait.BLACK_LIST: selector("isBlackListed(address)"),
}
_PAUSED: Final = selector("paused()")
REBASING: Final = (
    selector("scaledBalanceOf(address)"),
    selector("sharesOf(address)"),
    selector("rebasingCreditsPerToken()"),
)
"""Of contracts whose balances change without a payment: Aave's, Lido's and Origin's."""


class Asked(NamedTuple):
    """A question to the token's contract. Whoever is not answered no is refused by `error`."""

    data: bytes
    error: type[BuildError]


def asked(token: Asset, payer: bytes, payee: bytes) -> Iterator[Asked]:
    """What is to be answered no before a payment."""
    for trait, function in _LISTS.items():
        if trait in token.traits:
            yield Asked(function + PADDING + payer, BalanceFrozen)
            yield Asked(function + PADDING + payee, PayeeFrozen)
    if TokenTrait.PAUSABLE in token.traits:
        yield Asked(_PAUSED, TokenPaused)


def probes(contract: bytes) -> dict[TokenTrait, bytes]:
    """What tells, if it is answered yes or no, that a contract has the trait."""
    lists = {trait: function + PADDING + contract for trait, function in _LISTS.items()}
    return {**lists, TokenTrait.PAUSABLE: _PAUSED}
