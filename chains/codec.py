"""The pure half of a chain: bytes in, meaning out. Custody and the signer run the same code.

One object per network. No I/O, no clock, no randomness, no keys: everything is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar, runtime_checkable

from chains.effects import Allow, Asked, Call, Effect, Pay
from chains.errors import CallUnknown, InvalidAmount, MemoUnsupported, OutputsUnsupported
from chains.model import (
    Address,
    AddressType,
    AssetId,
    KeyScheme,
    ParsedAddress,
    Signature,
    SignedTx,
    SigningInput,
    UnsignedTx,
)
from chains.networks import Network
from chains.transaction import Lifetime, TxSummary

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def remember_small(
    function: Callable[[K], V], size: Callable[[K], int], *, entries: int, bytes_max: int
) -> Callable[[K], V]:
    """`function`, with its newest answers remembered. Answers for arguments above `bytes_max` are
    not: nobody can fill our memory by sending large ones."""
    recent = lru_cache(maxsize=entries)(function)

    def remembered(argument: K) -> V:
        return (recent if size(argument) <= bytes_max else function)(argument)

    return remembered


def payload_size(tx: UnsignedTx) -> int:
    return len(tx.payload)


@dataclass(frozen=True, slots=True)
class Traits:
    """How the chains of one family differ, as far as others must know. Others ask for a trait and
    never for a family's name, so a new family is added in one place."""

    coins: bool
    """Spends outpoints (UTXO) instead of an account's balance, and change returns to it."""
    conflict_keys: bool
    """A transaction takes something for itself. It is claimed before the transaction is built."""
    binding_keys: bool
    """Two transactions for a transfer can be made so that at most one is ever in a block."""
    memo: bool
    """A payment can say whose money it is at a shared account."""
    numbered_keys: bool = False
    """The key is the next number of the paying address (`chains.numbering`). No block has it before
    the one before it, so what is never sent holds up all that comes after it."""
    account_least: int = 0
    """Native base units. An address has none or at least so many: the chain refuses what would
    leave less behind."""
    token_accounts: bool = False
    """Tokens lie in accounts of their own, whose rent comes back when they are closed."""
    coin_rent_most: int | None = None
    """Native base units: the most rent that a payment of coins can cost, None if only the network's
    row says."""
    remembered_least: int = 0
    """Heights below the tip whose blocks have to be remembered, also where the network's row says
    less: that the life of a transaction is over is shown by counting them."""


def check_plain(network: Network, payment: Pay) -> None:
    """What a chain without tokens and memos asks of a payment, apart from its address. Raises
    MemoUnsupported or InvalidAmount."""
    if payment.asset != network.native.id:
        raise InvalidAmount(f"{network.name} carries {network.native.symbol} and nothing else")
    check_listed(network, payment)


def check_listed(network: Network, payment: Pay) -> None:
    """What a chain with tokens and without memos asks of a payment, apart from its address. A token
    that nobody listed may be another's look-alike, and nobody knows what a unit of it is. Raises
    MemoUnsupported or InvalidAmount."""
    if payment.memo is not None:
        raise MemoUnsupported(f"payments on {network.name} carry no memo")
    asset = {network.native.id: network.native, **network.tokens}.get(payment.asset)
    if asset is None:
        raise InvalidAmount(f"{payment.asset} is not listed on {network.name}")
    if not 0 < payment.amount <= asset.maximum:
        raise InvalidAmount(f"the amount must be above zero and at most all {asset.symbol}")


def check_single(network: Network, payments: Sequence[Pay]) -> None:
    """What a chain whose transactions make one payment asks of several. Raises
    OutputsUnsupported."""
    if len(payments) > 1:
        raise OutputsUnsupported(f"a transaction on {network.name} makes one payment")


class CallsNothing:
    """Of a chain on which nothing is called yet: these methods of its codec."""

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        raise CallUnknown("nothing is called here, and nobody allowed to take something")

    def understand(
        self, sender: Address, contract: Address, data: bytes, value: int
    ) -> tuple[Asked, ...]:
        raise CallUnknown("nothing is called here")

    def call_of(
        self, contract: Address, function: str, arguments: Mapping[str, object], value: int
    ) -> Asked:
        raise CallUnknown("nothing is called here")


class Reader(Protocol):
    """What tells the bytes that are signed: of a transaction, or of a message
    (`chains.messages`)."""

    @property
    def network(self) -> Network: ...

    @property
    def traits(self) -> Traits: ...

    def check_payment(self, payment: Pay) -> None:
        """Raise InvalidAmount, DustAmount, InvalidAddress or MemoUnsupported if the network would
        never carry it."""
        ...

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        """Raise CallUnknown unless a transaction of the sender's can be built that does this and
        nothing else: its bytes follow from `call`, and `summarize` gives `call` back. `sender`:
        None while it is not known."""
        ...

    def size_of(self, effects: Sequence[Effect]) -> int:
        """What the effects, at least one, add to a transaction, in the unit that its costs go by:
        virtual bytes of their outputs, or 1 for each where a chain carries no several transfers in
        one transaction. Of effects that `check_payment` lets pass."""
        ...

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None:
        """Raise MalformedTransaction if `tx` can't be in a block until long after `now` (Unix
        seconds), or stays good for longer than our builder ever makes one."""
        ...

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        """All that the bytes do. Raises MalformedTransaction unless the structure of every byte is
        understood. What is well-formed and has no words here goes into `unexplained`."""
        ...

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        """The signatures needed, recomputed from the bytes, in the order `attach` wants them."""
        ...

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        """What is given out: the final transaction, or the signature as wallets pass it. Verifies
        each signature first; raises SignatureMismatch."""
        ...


class TransactionCodec(Reader, Protocol):
    """What every chain folder's codec class offers; constructed as `XCodec(network)`."""

    def key_scheme(self, address_type: AddressType) -> KeyScheme: ...

    def account_path(self, address_type: AddressType, account: int) -> str:
        """The hardened prefix that all keys of a vault share, e.g. ``m/84'/1'/7'``."""
        ...

    def address_path(
        self, address_type: AddressType, account: int, index: int, *, change: bool = False
    ) -> str:
        """The full path of one address, e.g. ``m/84'/1'/7'/0/3`` (solana: ``m/44'/501'/7'/3'``)."""
        ...

    def derive_address(self, public_key: bytes, address_type: AddressType) -> Address:
        """The canonical address of an untweaked public key (33-byte point or 32-byte ed25519)."""
        ...

    def parse_address(self, text: str) -> ParsedAddress:
        """Any format users paste, to the canonical form.

        Raises InvalidAddress, WrongChecksum, WrongNetwork or ZeroAddress.
        """
        ...

    def check_outputs(self, payments: Sequence[Pay]) -> None:
        """Raise OutputsUnsupported or TooManyOutputs if one transaction can't make all of them,
        each of which `check_payment` lets pass."""
        ...

    def understand(
        self, sender: Address, contract: Address, data: bytes, value: int
    ) -> tuple[Asked, ...]:
        """What a transaction of the sender's does that gives `contract` (canonical) these octets
        and native base units: a payment, an allowance, or a call. What it is asked for as has
        exactly these octets again. Raises CallUnknown, which says why."""
        ...

    def call_of(
        self, contract: Address, function: str, arguments: Mapping[str, object], value: int
    ) -> Asked:
        """The same by words. `function`: its signature, or its name where the contract has one of
        that name. `arguments`: by name, as `chains.contracts.texts` reads them, addresses in any
        spelling. Raises CallUnknown, InvalidAddress."""
        ...

    def lifetime(self, tx: UnsignedTx) -> Lifetime | None:
        """Until when a block may have it, None if for ever. Raises MalformedTransaction."""
        ...


@runtime_checkable
class SignsApart(Protocol):
    """A codec of networks where payers sign payments that others submit (`TransferIntent.apart`).
    Such bytes go through `TransactionCodec` as a transaction's do: they have no costs, one of their
    keys is of `Excludes.EFFECT`, and its text is their txid. They have a lifetime, or a key that
    binds them, which who submits them takes too."""

    def signs_apart(self, asset: AssetId) -> bool:
        """Whether payments of the asset can be signed so, by its row."""
        ...

    def submitter(self, tx: UnsignedTx) -> Address | None:
        """Who alone can submit it; None: anybody."""
        ...

    def submits(self, tx: UnsignedTx, signed: SignedTx) -> Call:
        """What whoever submits it does. `signed`: as `attach` gave it for `tx`. Raises
        MalformedTransaction, SignatureMismatch."""
        ...
