"""A network's messages, read as its transactions are: one step for all families.

A message takes nothing for itself, costs nothing and binds nothing. So the guard signs one for
whoever it is for, and the same again is the same signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from chains.codec import Traits, TransactionCodec
from chains.costs import CostsMost
from chains.effects import Allow, Call, Effect, Pay, Sign
from chains.errors import InvalidInput, MalformedTransaction, SignatureMismatch
from chains.messages.errors import MessageKindUnknown
from chains.messages.model import Kind, Message, Said, parse
from chains.model import Address, Signature, SignedTx, SigningInput, TxId, UnsignedTx
from chains.networks import Network
from chains.transaction import TxSummary

LIFETIME_MAX_S: Final = 3600
"""Of what gives something away, from the signature to the last moment at which it can be used."""
NAMED: Final = "message:"
"""What a signature has where a transaction has a txid begins so."""


class Family(Protocol):
    """What a family's addresses sign."""

    kinds: Sequence[Kind]

    def said(self, network: Network, sender: Address, message: Message) -> Said:
        """What it does. Raises MessageRefused, MalformedTransaction."""
        ...

    def respell(self, spelled: str) -> str:
        """An address within typed data, in the one spelling. Raises ValueError, InvalidAddress."""
        ...

    def sealed(self, said: Said, sender: Address, signature: Signature) -> str:
        """The signature as the family's wallets pass it. Raises SignatureMismatch unless it is the
        sender's."""
        ...


class MessageReader:
    """`chains.codec.Reader` of one network's messages. `UnsignedTx.sender`: who signs."""

    def __init__(self, codec: TransactionCodec, family: Family) -> None:
        self._codec = codec
        self._family = family
        # Unlike a transaction, a message is signed by one address, also where there are coins.
        self.traits = Traits(
            coins=False, conflict_keys=False, binding_keys=False, memo=codec.traits.memo
        )

    @property
    def network(self) -> Network:
        return self._codec.network

    @property
    def kinds(self) -> Sequence[Kind]:
        return self._family.kinds

    def respell(self, spelled: str) -> str:
        return self._family.respell(spelled)

    def check_payment(self, payment: Pay) -> None:
        self._codec.check_payment(payment)

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        """Nothing is built of what a message allows: its own bytes say it."""

    def size_of(self, effects: Sequence[Effect]) -> int:
        return len(effects)

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None:
        _, _, said = self._read(tx)
        if said.until is not None and not now <= said.until < now + LIFETIME_MAX_S:
            raise MalformedTransaction("over, or good for longer than an hour")

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        sender, message, said = self._read(tx)
        # The same text may be signed again for something else; the same money is not given twice.
        plain = all(isinstance(effect, Sign) for effect in said.effects)
        apart = f"{tx.network}:{message.reference}:" if plain else ""
        return TxSummary(
            network=tx.network,
            sources=(sender,),
            effects=said.effects,
            returns=(),
            creates=(),
            costs=CostsMost({}),
            conflict_keys=frozenset(),
            identity=f"{apart}{sender}:{said.name}",
        )

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        sender, _, said = self._read(tx)
        return (SigningInput(sender, said.algorithm, said.signed),)

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        """`raw`: the signature as wallets pass it, in ASCII."""
        sender, _, said = self._read(tx)
        if len(signatures) != 1:
            raise SignatureMismatch(f"{len(signatures)} signatures where one belongs")
        raw = self._family.sealed(said, sender, signatures[0]).encode("ascii")
        return SignedTx(tx.network, TxId(f"{NAMED}{said.name}"), raw)

    def _read(self, tx: UnsignedTx) -> tuple[Address, Message, Said]:
        if tx.network != self.network.id:
            raise MalformedTransaction(f"a message of {tx.network}, not {self.network.id}")
        message = parse(tx.payload)
        if message.kind not in self._family.kinds:
            raise MessageKindUnknown(f"{message.kind} is not signed on {self.network.name}")
        return self._sender(tx), message, self._family.said(self.network, self._sender(tx), message)

    def _sender(self, tx: UnsignedTx) -> Address:
        try:
            sender = None if tx.sender is None else self._codec.parse_address(tx.sender).address
        except InvalidInput as error:
            raise MalformedTransaction("who signs is not an address") from error
        if sender is None or sender != tx.sender:
            raise MalformedTransaction("who signs is not named in the one spelling")
        return sender
