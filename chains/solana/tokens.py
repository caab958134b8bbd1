"""What the node says of tokens: mints, who holds how much, and from where to where they are paid.

An owner may have several accounts of a mint: anybody can make one for somebody, or hand one over.
All of them are the owner's money, so all are counted, and a payment takes the associated one if it
has enough, else any other that has. Which ones there are the node knows (getTokenAccountsByOwner,
which needs its index of owners); all tokens of a program are never asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.answers import Answers, answer
from chains.assets import Asset, TokenSaid
from chains.balances import Restrained
from chains.costs import Withholding
from chains.effects import Pay
from chains.errors import (
    BalanceFrozen,
    BuildError,
    InsufficientFunds,
    InvalidAddress,
    NodeMisbehaved,
    PayeeFrozen,
    PayeeUnpayable,
    TokenPaused,
)
from chains.model import Address, AssetId
from chains.networks import Network
from chains.solana import spl
from chains.solana.address import to_key
from chains.solana.build import AnyPayment, Payment
from chains.solana.nonce import SYSTEM_PROGRAM_KEY
from chains.solana.rpc import Commitment, SolanaRpc
from chains.solana.spl import Holding, Mint, TokenPayment, TokenTrait, associated
from chains.solana.values import Account
from chains.transaction import TransferIntent

_RESTRAINING: Final = {TokenTrait.FREEZE_AUTHORITY, TokenTrait.PAUSABLE}


@dataclass(frozen=True, slots=True)
class Resolved:
    """`opening`: lamports for token accounts that are not there yet."""

    payments: tuple[AnyPayment, ...]
    opening: int = 0


async def resolve(
    rpc: SolanaRpc, network: Network, intents: Sequence[TransferIntent]
) -> Answers[Resolved]:
    """From where to where each intent pays. InsufficientFunds, PayeeUnpayable, or BuildError where
    a mint does more than its row says. Of intents whose payments were checked."""
    wanted = {
        key
        for intent in intents
        for pay in intent.payments
        if pay.asset != network.native.id and intent.source is not None
        for key in _looked_at(network, pay, to_key(intent.source.address))
    }
    keys = sorted(wanted, key=bytes)
    shown = await rpc.accounts(keys, Commitment.CONFIRMED) if keys else ()
    known = dict(zip(keys, shown, strict=True))
    epoch = await rpc.epoch() if any(_takes_fee(each) for each in shown) else 0
    return [await answer(_Resolving(rpc, network, known, epoch).of(each)) for each in intents]


async def balance(rpc: SolanaRpc, network: Network, owner: Pubkey, asset: AssetId) -> int:
    """Base units in all accounts of the owner, frozen ones too."""
    mint, program = spl.mint_of(network.id, asset), spl.PROGRAMS[network.tokens[asset].kind]
    return sum(each.units for _, each in await _holdings(rpc, owner, mint, program))


async def restrained(
    rpc: SolanaRpc, network: Network, addresses: Sequence[Address], asset: AssetId
) -> Mapping[Address, Restrained]:
    """A paused mint stops all accounts; else each is frozen by itself, and an owner may have
    several."""
    token = network.tokens[asset]
    if token.traits.isdisjoint(_RESTRAINING):
        return {}
    key, program = spl.mint_of(network.id, asset), spl.PROGRAMS[token.kind]
    (account,) = await rpc.accounts([key], Commitment.CONFIRMED)
    mint = None if account is None else spl.parse_mint(account.owner, account.data)
    if mint is None:
        raise NodeMisbehaved(f"the node has no mint of {token.symbol}")
    error = TokenPaused if mint.paused else BalanceFrozen
    found = {}
    for address in addresses:
        held = await _holdings(rpc, to_key(address), key, program)
        units = sum(each.units for _, each in held if each.frozen or mint.paused)
        if units:
            found[address] = Restrained(units, error.code)
    return found


async def withholding(rpc: SolanaRpc, network: Network, asset: AssetId) -> Withholding:
    """By the fee in force and by the one that takes its place, if that is yet to come: a fee that
    is set begins two epochs later, and a payment may wait as long. Of a mint that is none there is
    nothing to withhold, and nothing is paid."""
    (account,) = await rpc.accounts([spl.mint_of(network.id, asset)], Commitment.CONFIRMED)
    mint = None if account is None else spl.parse_mint(account.owner, account.data)
    if mint is None or not mint.fees:
        return Withholding(())
    return Withholding(tuple((e.basis_points, e.most) for e in mint.fees_from(await rpc.epoch())))


async def describe(rpc: SolanaRpc, network: Network, mint: Pubkey) -> tuple[AssetId, TokenSaid]:
    """NodeMisbehaved where there is no mint; InvalidAddress for one that does what this program
    does not know."""
    (account,) = await rpc.accounts([mint], Commitment.CONFIRMED)
    said = None if account is None else spl.parse_mint(account.owner, account.data)
    if said is None:
        raise NodeMisbehaved(f"the node has no mint of a token at {mint}")
    if said.unknown:
        raise InvalidAddress(f"the mint has extensions that are not known here: {said.unknown}")
    word = TokenSaid(
        said.symbol,
        said.name,
        said.decimals,
        kind=spl.KINDS[said.program],
        maximum=spl.UNITS_MAX,
        traits=frozenset(said.traits),
    )
    return spl.asset_of(network.id, mint), word


def check_mint(token: Asset, account: Account | None) -> Mint:
    """As the listing says it is, no more and no other. Raises BuildError."""
    mint = None if account is None else spl.parse_mint(account.owner, account.data)
    if mint is None:
        raise BuildError(f"the node has no mint of {token.symbol}")
    if mint.program != spl.PROGRAMS[token.kind]:
        raise BuildError(f"{token.symbol} is another program's than the list says")
    if mint.decimals != token.decimals:
        raise BuildError(
            f"the mint of {token.symbol} says {mint.decimals} decimals, the list {token.decimals}"
        )
    if mint.unknown:
        raise BuildError(f"the mint of {token.symbol} has unknown extensions {mint.unknown}")
    if beyond := sorted(mint.traits - token.traits):
        raise BuildError(
            f"the mint of {token.symbol} has what its row does not name: {', '.join(beyond)}",
            advice="look at the mint; administrators list the trait if they accept it",
        )
    if mint.hook is not None:
        raise BuildError(f"{token.symbol} runs the program {mint.hook} at each transfer")
    return mint


class _Resolving:
    def __init__(
        self,
        rpc: SolanaRpc,
        network: Network,
        known: Mapping[Pubkey, Account | None],
        epoch: int,
    ) -> None:
        self._rpc = rpc
        self._network = network
        self._known = known
        self._epoch = epoch

    async def of(self, intent: TransferIntent) -> Resolved:
        assert intent.source is not None
        source = to_key(intent.source.address)
        payments: list[AnyPayment] = []
        for pay in intent.payments:
            if pay.asset == self._network.native.id:
                payments.append(Payment(to_key(pay.address), pay.amount))
            else:
                payments.append(await self._token(pay, source))
        tokens = (each for each in payments if isinstance(each, TokenPayment))
        new = {each.paid: each.program for each in tokens if not self._known[each.paid]}
        return Resolved(tuple(payments), sum(map(spl.rent_most, new.values())))

    async def _token(self, pay: Pay, source: Pubkey) -> TokenPayment:
        token = self._network.tokens[pay.asset]
        key = spl.mint_of(self._network.id, pay.asset)
        mint = check_mint(token, self._known[key])
        to = to_key(pay.address)
        opens = self._is_wallet(to, token, key)
        paid = self._holding(associated(to, key, mint.program) if opens else to)
        if mint.paused:
            raise TokenPaused(f"{token.symbol} is paused by its issuer")
        if paid is not None and paid.frozen:
            raise PayeeFrozen(f"the payee's account of {token.symbol} is frozen")
        if paid is not None and paid.needs_memo:
            raise PayeeUnpayable(
                f"the payee's account of {token.symbol} takes nothing without a memo"
            )
        if paid is None and TokenTrait.DEFAULT_FROZEN in mint.traits:
            raise PayeeFrozen(f"a new account of {token.symbol} may begin frozen: open it first")
        takes_fee = TokenTrait.TRANSFER_FEE in token.traits
        return TokenPayment(
            recipient=to,
            units=pay.amount,
            mint=key,
            program=mint.program,
            decimals=token.decimals,
            account=await self._payer(pay, source, key, mint.program, token),
            opens=opens,
            fee=mint.fee_of(pay.amount, self._epoch) if takes_fee else None,
        )

    def _is_wallet(self, to: Pubkey, token: Asset, mint: Pubkey) -> bool:
        """A wallet is paid at its associated account; a token account is paid itself. What is
        neither can't be paid: tokens in an account that a program or a mint owns may be lost."""
        account = self._known[to]
        if account is not None and account.owner in spl.KINDS:
            holding = spl.parse_holding(account.owner, account.data)
            if holding is None or holding.mint != mint:
                raise PayeeUnpayable(
                    f"the payee is an account of another token than {token.symbol}"
                )
            return False
        if not to.is_on_curve():
            raise PayeeUnpayable(
                "nobody has a key of the payee: it is neither a wallet nor a token account",
                advice=f"ask the payee for the address of its account of {token.symbol}",
            )
        if account is not None and account.owner != SYSTEM_PROGRAM_KEY:
            raise PayeeUnpayable(f"the payee is an account of the program {account.owner}")
        return True

    def _holding(self, key: Pubkey) -> Holding | None:
        account = self._known[key]
        return None if account is None else spl.parse_holding(account.owner, account.data)

    async def _payer(
        self, pay: Pay, source: Pubkey, mint: Pubkey, program: Pubkey, token: Asset
    ) -> Pubkey:
        own = associated(source, mint, program)
        held = self._holding(own)
        if held is not None and _pays(held, source, pay.amount):
            return own
        all_held = await _holdings(self._rpc, source, mint, program)
        enough = [key for key, each in all_held if _pays(each, source, pay.amount)]
        if enough:
            return min(enough, key=bytes)
        frozen = [each for _, each in all_held if each.frozen]
        if any(each.units >= pay.amount for each in frozen):
            raise BalanceFrozen(f"the account of {token.symbol} that has enough is frozen")
        has = [each.units for _, each in all_held if not each.frozen]
        words = f"the largest of {len(has)}" if len(has) > 1 else "the"
        raise InsufficientFunds(
            f"{words} account of {token.symbol} has {max(has, default=0)}, not {pay.amount}"
            + ("; another one is frozen" if frozen else "")
        )


def _pays(held: Holding, source: Pubkey, units: int) -> bool:
    return held.owner == source and not held.frozen and held.units >= units


def _looked_at(network: Network, pay: Pay, source: Pubkey) -> set[Pubkey]:
    mint, program = spl.mint_of(network.id, pay.asset), spl.PROGRAMS[network.tokens[pay.asset].kind]
    to = to_key(pay.address)
    return {mint, to, *(associated(each, mint, program) for each in (source, to))}


def _takes_fee(account: Account | None) -> bool:
    mint = None if account is None else spl.parse_mint(account.owner, account.data)
    return mint is not None and bool(mint.fees)


async def _holdings(
    rpc: SolanaRpc, owner: Pubkey, mint: Pubkey, program: Pubkey
) -> list[tuple[Pubkey, Holding]]:
    """Raises NodeMisbehaved for accounts of others than was asked for."""
    held = []
    for key, account in await rpc.token_accounts(owner, mint):
        holding = spl.parse_holding(account.owner, account.data)
        if holding is None or (holding.owner, holding.mint) != (owner, mint):
            raise NodeMisbehaved("accounts of another owner or token than was asked for")
        if account.owner == program:
            held.append((key, holding))
    return held
