"""Solana: version 0 messages, what their instructions pay, and their one Ed25519 signature.

A message with lookup tables or an instruction that is not known here is refused: then nothing says
what else it does. One with a second signer is not read. No block of Solana proves a transaction
without replaying it, so what is said of blocks is what nodes said.
"""

from collections import Counter
from hashlib import sha256
from typing import Any, Final, NamedTuple

from custody_verify.addresses import base58, from_base58
from custody_verify.errors import NotRead, Refuted, Unreadable, refute, reject
from custody_verify.keys import check_ed25519, is_on_ed25519
from custody_verify.model import Anchors, Block, Effect, Meaning, Pay, Transaction
from custody_verify.strict import Reader

_SYSTEM: Final = bytes(32)
_BUDGET: Final = from_base58("ComputeBudget111111111111111111111111111111", 32)
_ASSOCIATED: Final = from_base58("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL", 32)
_TOKENS: Final = (
    from_base58("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", 32),
    from_base58("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb", 32),
)
_LAMPORTS_PER_SIGNATURE: Final = 5_000
_MICRO: Final = 1_000_000
_NONCE_BYTES: Final = 80


class Instruction(NamedTuple):
    program: bytes
    accounts: tuple[bytes, ...]
    data: bytes


class Message(NamedTuple):
    """`length`: of its bytes, behind which may stand where its nonce value comes from."""

    keys: tuple[bytes, ...]
    lifetime: bytes
    instructions: tuple[Instruction, ...]
    length: int


def _length(reader: Reader) -> int:
    """A compact-u16 in its shortest form."""
    value = 0
    for shift in (0, 7, 14):
        byte = reader.little(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if (shift and not byte) or value > 0xFFFF:
                break
            return value
    raise Unreadable("a length that is too large, or not in its shortest form")


def parse(data: bytes) -> Message:
    """A version 0 message at the start of `data`. Raises Unreadable, Refuted."""
    reader = Reader(data)
    reject(reader.take(1) != b"\x80", "no message of version 0")
    signers = reader.take(3)[0]
    keys = tuple(reader.take(32) for _ in range(_length(reader)))
    lifetime, instructions = reader.take(32), []
    for _ in range(_length(reader)):
        program, accounts = reader.little(1), reader.take(_length(reader))
        called = reader.take(_length(reader))
        refute(max(program, *accounts, 0) >= len(keys), "an account that only a lookup table names")
        instructions.append(Instruction(keys[program], tuple(keys[at] for at in accounts), called))
    if signers == 2:
        raise NotRead("a message that two sign is not read here")
    refute(_length(reader) or signers != 1 or len(set(keys)) != len(keys), "lookups, or signers")
    return Message(keys, lifetime, tuple(instructions), reader.at)


def _message(tx: Transaction) -> Message:
    """Of the unsigned bytes, all of which are read: behind it may stand where its nonce value comes
    from."""
    message = parse(tx.unsigned)
    origin = tx.unsigned[message.length :]
    value = sha256(b"DURABLE_NONCE" + origin).digest()
    if tx.sender is not None or (origin and (len(origin) != 32 or value != message.lifetime)):
        raise Refuted("a sender beside the message, or another origin of its nonce value")
    return message


def decode(tx: Transaction) -> Meaning:
    message = _message(tx)
    reading = _Reading(tx, message.keys[0])
    for each in message.instructions:
        reading.read(each)
    return reading.meaning()


class _Reading:
    """What the instructions do, one after the other. `made`: the nonce account that is made, and
    what it is given. `opened`: the token account that the next instruction must pay, and its
    owner."""

    def __init__(self, tx: Transaction, source: bytes) -> None:
        self.tx, self.source = tx, source
        self.pays: list[tuple[bytes, Pay]] = []
        self.returns: list[tuple[str, int]] = []
        self.made: set[bytes] = set()
        self.opened: tuple[bytes, bytes] | None = None
        self.limit = self.price = 0

    def read(self, each: Instruction) -> None:
        opened, self.opened = self.opened, None
        if each.program == _SYSTEM:
            known = self._system(each)
        elif each.program == _BUDGET:
            known = self._budget(each)
        elif each.program == _ASSOCIATED:
            known = self._open(each)
        else:
            known = each.program in _TOKENS and self._token(each, opened)
            opened = None
        refute(not known or opened is not None, "an instruction that is none of a payment's")

    def meaning(self) -> Meaning:
        """What pays the nonce account that is made here is its rent, and goes to nobody."""
        refute(self.opened is not None, "it makes a token account and does not pay it")
        rent = sum(pay.amount for to, pay in self.pays if to in self.made)
        pays = Counter[Effect](pay for to, pay in self.pays if to not in self.made)
        fee = _LAMPORTS_PER_SIGNATURE + -(-self.limit * self.price // _MICRO)
        costs = {"fee": fee} | ({"rent": rent} if rent else {})
        return Meaning(base58(self.source), pays, tuple(self.returns), costs)

    def _system(self, each: Instruction) -> bool:
        kind, rest = each.data[:4], Reader(each.data[4:])
        if kind == b"\x02\0\0\0" and len(each.data) == 12 and len(each.accounts) == 2:
            return self._pay(each.accounts, rest.little(8))
        if kind == b"\x04\0\0\0" and len(each.data) == 4 and len(each.accounts) == 3:
            return each.accounts[2] == self.source
        if kind == b"\x06\0\0\0" and len(each.accounts) == 3:
            return each.data[4:] == self.source and each.accounts[0] in self.made
        if kind != b"\x09\0\0\0" or len(each.accounts) != 2:
            return False
        base, seed = rest.take(32), rest.take(rest.little(8))
        space, owner = rest.little(8), rest.take(32)
        rest.end()
        account = sha256(base + seed + owner).digest()
        self.made.add(account)
        own = base == self.source and each.accounts == (account, self.source)
        return own and (space, owner) == (_NONCE_BYTES, _SYSTEM)

    def _pay(self, accounts: tuple[bytes, ...], units: int) -> bool:
        payer, to = accounts
        if to == self.source:
            self.returns.append((base58(to), units))
        else:
            self.pays.append((to, Pay(base58(to), self.tx.coin, units)))
        return payer == self.source

    def _budget(self, each: Instruction) -> bool:
        kind, value = each.data[:1], int.from_bytes(each.data[1:], "little")
        if kind == b"\x02" and len(each.data) == 5 and not self.limit:
            self.limit = value
            return True
        if kind == b"\x03" and len(each.data) == 9 and not self.price:
            self.price = value
            return True
        return False

    def _open(self, each: Instruction) -> bool:
        """CreateIdempotent of the account of `owner`, which derives from it."""
        if each.data != b"\x01" or len(each.accounts) != 6:
            return False
        payer, account, owner, mint, system, program = each.accounts
        self.opened = account, owner
        derived = associated(owner, mint, program)
        return (payer, account, system) == (self.source, derived, _SYSTEM) and program in _TOKENS

    def _token(self, each: Instruction, opened: tuple[bytes, bytes] | None) -> bool:
        """TransferChecked, with a fee or without, and CloseAccount to the payer."""
        data, accounts = each.data, each.accounts
        if data == b"\x09" and opened is None:
            self.returns.append((base58(self.source), 0))
            return len(accounts) == 3 and accounts[1:] == (self.source, self.source)
        plain, withheld = data[:1] == b"\x0c" and len(data) == 10, data[:2] == b"\x1a\x01"
        if len(accounts) != 4 or not (plain or (withheld and len(data) == 19)):
            return False
        units = int.from_bytes(data[1:9] if plain else data[2:10], "little")
        to, owner = accounts[2], opened[1] if opened else accounts[2]
        paid = Pay(base58(owner), f"{self.tx.network}/token:{base58(accounts[1])}", units)
        self.pays.append((to, paid))
        own = accounts[3] == self.source and self.source not in (to, owner)
        return own and (opened is None or opened[0] == to)


def associated(owner: bytes, mint: bytes, program: bytes) -> bytes:
    """The first address that is no point of the curve, counting down (find_program_address)."""
    for bump in range(255, -1, -1):
        seeds = owner + program + mint + bytes([bump])
        found = sha256(seeds + _ASSOCIATED + b"ProgramDerivedAddress").digest()
        if not is_on_ed25519(found):
            return found
    raise Refuted("a token account that nothing derives to")


def check_signed(tx: Transaction) -> str:
    message = _message(tx)
    if tx.signed[:1] != b"\x01" or tx.signed[65:] != tx.unsigned[: message.length]:
        raise Refuted("the signed bytes are another message, or have not one signature")
    check_ed25519(message.keys[0], tx.signed[1:65], tx.signed[65:])
    refute(base58(tx.signed[1:65]) != tx.txid, "the first signature is another txid")
    return f"signed by the key of {base58(message.keys[0])}"


def check_block(tx: Transaction, meaning: Meaning, proof: Any, anchors: Anchors) -> Block:
    raise Unreadable("there is no proof of a block of Solana")
