"""SPL tokens, as far as pure code knows them: programs, accounts, instructions and their bytes.

A token is a mint account, and belongs to one of two programs, which have the same instructions
for what we do. Who has some holds it in token accounts of the mint. One of them is the owner's
associated account: its address is derived from owner, program and mint, so that whoever knows the
owner knows where to pay. Token-2022 lets a mint do more than its kind promises, by extensions;
each that may change what a payment does is a trait, which the listing has to name.

Sources: solana-program/token, token-2022 and associated-token-account (names in brackets). Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chains.assets import WITHHOLDS, AssetKind
from chains.model import AssetId, NetworkId
from chains.solana import RENT_BYTES_BESIDE, RENT_PER_BYTE, SYSTEM_PROGRAM

NAMESPACE: Final = "token"
"""CAIP-19's asset_namespace on Solana (namespaces.chainagnostic.org/solana/caip19)."""
KIND: Final = AssetKind("spl")
KIND_2022: Final = AssetKind("spl-2022")
TOKEN: Final = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED: Final = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
PROGRAMS: Final[Mapping[AssetKind, Pubkey]] = {KIND: TOKEN, KIND_2022: TOKEN_2022}
KINDS: Final[Mapping[Pubkey, AssetKind]] = {program: kind for kind, program in PROGRAMS.items()}
UNITS_MAX: Final = 2**64 - 1
CHECKED: Final = struct.Struct("<BQB")
"""TransferChecked: tag 12, base units, decimals [instruction.rs, TokenInstruction]."""
WITH_FEE: Final = struct.Struct("<HQBQ")
"""TransferCheckedWithFee: tags 26 and 1, base units, decimals, what of them is withheld
[extension/transfer_fee/instruction.rs]."""
CHECKED_TAG: Final = 12
APPROVE_CHECKED_TAG: Final = 13
"""Its data is TransferChecked's with another tag. Approve (4) names no mint and Revoke (5) neither
mint nor delegate: their bytes don't say whose tokens of what they are about, so they are not read.
An ApproveChecked of nothing does what Revoke does, and says so."""
WITH_FEE_TAG: Final = 26 | 1 << 8
CREATE_IDEMPOTENT: Final = b"\1"
"""Does nothing where the account is there already [associated-token-account, instruction.rs]."""
CLOSE: Final = b"\x09"
"""CloseAccount: whose accounts are the closed one, who is paid what it holds, and its owner. It
fails unless the account is empty, but for one of the wrapped coin [processor.rs]."""
_SYSTEM: Final = Pubkey.from_string(SYSTEM_PROGRAM)
_BYTES_MOST: Final = {TOKEN: 165, TOKEN_2022: 195}
"""Of a new associated account. With Token-2022: a type, and all that a mint may ask for there
(immutable owner, withheld fee, non-transferable, hook, pausable), each behind four bytes
[extension/mod.rs, get_required_init_account_extensions]."""


class TokenTrait(StrEnum):
    """What a mint may do beside what people expect of a token."""

    FREEZE_AUTHORITY = "freeze-authority"
    """Somebody can freeze any account."""
    TRANSFER_FEE = WITHHOLDS
    """Less arrives than was sent, and somebody can change by how much."""
    TRANSFER_HOOK = "transfer-hook"
    """Somebody can have a program run at each transfer. While there is one nothing is paid."""
    PERMANENT_DELEGATE = "permanent-delegate"
    """Somebody can take tokens out of any account."""
    PAUSABLE = "pausable"
    DEFAULT_FROZEN = "default-frozen"
    """New accounts can be frozen until somebody thaws them."""
    NON_TRANSFERABLE = "non-transferable"
    CONFIDENTIAL = "confidential"
    """Amounts can be hidden. Ours never are; what others pay so is not seen."""
    MINT_CLOSE = "mint-close"
    """The mint can be closed, and made again with other decimals."""
    SCALED = "scaled"
    """Wallets multiply what they show (interest, scaled amounts). Base units stay what they are."""


TRAITS: Final = {KIND: frozenset({TokenTrait.FREEZE_AUTHORITY}), KIND_2022: frozenset(TokenTrait)}

_ACCOUNT_BYTES: Final = 165
"""Of a token account, and so many a mint with extensions has before its type."""
_MINT_BYTES: Final = 82
_MINT_TYPE, _ACCOUNT_TYPE = 1, 2
_HARMLESS: Final = frozenset({18, 19, 20, 21, 22, 23})
"""Extensions of mints: metadata, groups and pointers to them [extension/mod.rs, ExtensionType]."""
_TRANSFER_FEE, _WITHHELD, _MEMO, _HOOK, _METADATA = 1, 2, 8, 14, 19
_PAUSABLE: Final = 26
"""Behind an authority, whether it is paused [extension/pausable/mod.rs, PausableConfig]."""
_EXTENSIONS: Final = {
    _TRANSFER_FEE: TokenTrait.TRANSFER_FEE,
    3: TokenTrait.MINT_CLOSE,
    4: TokenTrait.CONFIDENTIAL,
    6: TokenTrait.DEFAULT_FROZEN,
    9: TokenTrait.NON_TRANSFERABLE,
    10: TokenTrait.SCALED,
    12: TokenTrait.PERMANENT_DELEGATE,
    _HOOK: TokenTrait.TRANSFER_HOOK,
    16: TokenTrait.CONFIDENTIAL,
    24: TokenTrait.CONFIDENTIAL,
    25: TokenTrait.SCALED,
    _PAUSABLE: TokenTrait.PAUSABLE,
}
_INITIALIZED, _FROZEN = 1, 2
_TEN_THOUSAND: Final = 10_000


def asset_of(network: NetworkId, mint: Pubkey) -> AssetId:
    return AssetId(f"{network}/{NAMESPACE}:{mint}")


def mint_of(network: NetworkId, asset: AssetId) -> Pubkey:
    """Of a token of the network."""
    prefix = f"{network}/{NAMESPACE}:"
    assert asset.startswith(prefix), asset
    return Pubkey.from_string(asset.removeprefix(prefix))


def associated(owner: Pubkey, mint: Pubkey, program: Pubkey) -> Pubkey:
    """Where `owner` is paid [associated-token-account, get_associated_token_address]."""
    seeds = [bytes(owner), bytes(program), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED)[0]


def rent_most(program: Pubkey) -> int:
    """Lamports that a new associated account can cost. No byte of a transaction says them: they are
    the network's price for as many bytes as the program makes."""
    return (RENT_BYTES_BESIDE + _BYTES_MOST[program]) * RENT_PER_BYTE


def create(payer: Pubkey, owner: Pubkey, mint: Pubkey, program: Pubkey) -> Instruction:
    """The owner's associated account, if there is none."""
    account = associated(owner, mint, program)
    metas = [AccountMeta(payer, is_signer=True, is_writable=True), _written(account)]
    metas += [_read(each) for each in (owner, mint, _SYSTEM, program)]
    return Instruction(ASSOCIATED, CREATE_IDEMPOTENT, metas)


@dataclass(frozen=True, slots=True)
class TokenPayment:
    """`units` of a mint leave `account`, a token account of who pays them. `opens`: `recipient` is
    a wallet, paid at its associated account, which is made if there is none; else `recipient` is
    itself a token account. `fee`: what does not arrive, for mints that may take one."""

    recipient: Pubkey
    units: int
    mint: Pubkey
    program: Pubkey
    decimals: int
    account: Pubkey
    opens: bool
    fee: int | None = None

    @property
    def paid(self) -> Pubkey:
        """The token account that is paid."""
        if not self.opens:
            return self.recipient
        return associated(self.recipient, self.mint, self.program)

    def instructions(self, payer: Pubkey, owner: Pubkey) -> list[Instruction]:
        """`payer`: who pays for an account that is made; `owner`: whose tokens they are."""
        if self.fee is None:
            data = CHECKED.pack(CHECKED_TAG, self.units, self.decimals)
        else:
            data = WITH_FEE.pack(WITH_FEE_TAG, self.units, self.decimals, self.fee)
        signs = AccountMeta(owner, is_signer=True, is_writable=False)
        metas = [_written(self.account), _read(self.mint), _written(self.paid), signs]
        opened = [create(payer, self.recipient, self.mint, self.program)] if self.opens else []
        return [*opened, Instruction(self.program, data, metas)]


@dataclass(frozen=True, slots=True)
class TokenAllowance:
    """`spender` may take `units` of a mint out of `account`, a token account of the payer. Nobody
    else may any more, as an account has one delegate; of nothing, nobody may."""

    spender: Pubkey
    units: int
    mint: Pubkey
    program: Pubkey
    decimals: int
    account: Pubkey

    def instruction(self, payer: Pubkey) -> Instruction:
        """ApproveChecked [instruction.rs, TokenInstruction]."""
        data = CHECKED.pack(APPROVE_CHECKED_TAG, self.units, self.decimals)
        signs = AccountMeta(payer, is_signer=True, is_writable=False)
        metas = [_written(self.account), _read(self.mint), _read(self.spender), signs]
        return Instruction(self.program, data, metas)


@dataclass(frozen=True, slots=True)
class Closing:
    """`account`, an empty token account of the payer, is closed, and what it holds for its rent
    comes back to the payer."""

    account: Pubkey
    program: Pubkey

    def instruction(self, payer: Pubkey) -> Instruction:
        """CloseAccount [instruction.rs, TokenInstruction]."""
        signs = AccountMeta(payer, is_signer=True, is_writable=False)
        metas = [_written(self.account), _written(payer), signs]
        return Instruction(self.program, CLOSE, metas)


def _written(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


@dataclass(frozen=True, slots=True)
class Fee:
    """From `epoch` on: so many in ten thousand, at most `most` base units."""

    epoch: int
    most: int
    basis_points: int

    def of(self, units: int) -> int:
        """Rounded up [transfer_fee, calculate_fee]."""
        return min(self.most, -(-units * self.basis_points // _TEN_THOUSAND))


@dataclass(frozen=True, slots=True)
class Mint:
    """`traits`, of what is known; `unknown`: extensions that this program can't read. `fees`: the
    older and the newer one. `hook`: the program that runs at each transfer. `paused`: nothing of it
    moves now. `symbol`, `name`: the mint's own word."""

    program: Pubkey
    decimals: int
    traits: frozenset[TokenTrait]
    unknown: tuple[int, ...] = ()
    fees: tuple[Fee, ...] = ()
    hook: Pubkey | None = None
    paused: bool = False
    symbol: str | None = None
    name: str | None = None

    def fee_of(self, units: int, epoch: int) -> int:
        """What of `units` does not arrive."""
        now = [each for each in self.fees if each.epoch <= epoch]
        return now[-1].of(units) if now else 0

    def fees_from(self, epoch: int) -> tuple[Fee, ...]:
        """The one in force, and the one that is yet to come."""
        now = [each for each in self.fees if each.epoch <= epoch]
        return (*now[-1:], *(each for each in self.fees if each.epoch > epoch))


@dataclass(frozen=True, slots=True)
class Holding:
    """A token account. `needs_memo`: it takes no transfer without one. `withheld`: base units of
    fees that its mint's issuer has not collected. `wrapped`: it holds the chain's own coin.
    `closer`: who may close it instead of its owner. `delegate`: who may take `lent` base units."""

    mint: Pubkey
    owner: Pubkey
    units: int
    frozen: bool
    needs_memo: bool
    withheld: int = 0
    wrapped: bool = False
    closer: Pubkey | None = None
    delegate: Pubkey | None = None
    lent: int = 0

    def is_closable(self, owner: Pubkey) -> bool:
        """Whether `owner` can close it, once it is empty."""
        mine = self.owner == owner and self.closer in (None, owner)
        return mine and not (self.frozen or self.wrapped or self.withheld)


def parse_mint(program: Pubkey, data: bytes) -> Mint | None:
    """None for what is no mint that can be used [state.rs, Mint]."""
    if program not in KINDS or len(data) < _MINT_BYTES or data[45] != 1:
        return None
    traits = {TokenTrait.FREEZE_AUTHORITY} if _number(data[46:50]) else set()
    if len(data) == _MINT_BYTES:
        return Mint(program, data[44], frozenset(traits))
    found = _extensions(data, _MINT_TYPE) if program == TOKEN_2022 else None
    if found is None:
        return None
    traits |= {_EXTENSIONS[kind] for kind in found if kind in _EXTENSIONS}
    symbol, name = _described(found.get(_METADATA, b""))
    return Mint(
        program,
        data[44],
        frozenset(traits),
        unknown=tuple(kind for kind in found if kind not in _EXTENSIONS and kind not in _HARMLESS),
        fees=_fees(found.get(_TRANSFER_FEE, b"")),
        hook=_hook(found.get(_HOOK, b"")),
        paused=found.get(_PAUSABLE, b"")[32:33] not in (b"", b"\0"),
        symbol=symbol,
        name=name,
    )


def parse_holding(program: Pubkey, data: bytes) -> Holding | None:
    """None for what is no token account [state.rs, Account]."""
    if program not in KINDS or len(data) < _ACCOUNT_BYTES:
        return None
    extended = len(data) > _ACCOUNT_BYTES
    found = _extensions(data, _ACCOUNT_TYPE) if extended else {}
    state = data[108]
    if found is None or (extended and program == TOKEN) or state not in (_INITIALIZED, _FROZEN):
        return None
    return Holding(
        Pubkey(data[:32]),
        Pubkey(data[32:64]),
        _number(data[64:72]),
        state == _FROZEN,
        found.get(_MEMO, b"\0")[:1] != b"\0",
        _number(found.get(_WITHHELD, b"")[:8]),
        bool(_number(data[109:113])),
        _optional(data[129:165]),
        _optional(data[72:108]),
        _number(data[121:129]),
    )


def _extensions(data: bytes, kind: int) -> dict[int, bytes] | None:
    """By type; None if there is something else behind [extension/mod.rs, type-length-value]."""
    if data[_ACCOUNT_BYTES : _ACCOUNT_BYTES + 1] != bytes([kind]):
        return None
    try:
        return dict(_entries(data[_ACCOUNT_BYTES + 1 :]))
    except ValueError:
        return None


def _entries(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Up to the first without a type, which is room that is not used yet."""
    at = 0
    while at + 2 <= len(data) and (kind := _number(data[at : at + 2])):
        end = at + 4 + _number(data[at + 2 : at + 4])
        if at + 4 > len(data) or end > len(data):
            raise ValueError("an extension that ends behind its account")
        yield kind, data[at + 4 : end]
        at = end


def _fees(config: bytes) -> tuple[Fee, ...]:
    """Behind two authorities and what is withheld [transfer_fee/mod.rs, TransferFeeConfig]."""
    parts = [config[at : at + 18] for at in (72, 90) if len(config) >= at + 18]
    return tuple(Fee(_number(p[:8]), _number(p[8:16]), _number(p[16:])) for p in parts)


def _hook(config: bytes) -> Pubkey | None:
    program = config[32:64]
    return Pubkey(program) if len(program) == Pubkey.LENGTH and any(program) else None


def _described(metadata: bytes) -> tuple[str | None, str | None]:
    """Behind two keys: name, then symbol [token-metadata interface, TokenMetadata]. None for what
    can't be shown to people as it is."""
    texts: list[str | None] = []
    at = 64
    for _ in range(2):
        length = _number(metadata[at : at + 4])
        raw = metadata[at + 4 : at + 4 + length]
        at += 4 + length
        shown = raw.decode("ascii", "replace").rstrip("\0 ")
        fits = 0 < len(shown) <= 64 and shown.isascii() and shown.isprintable()
        texts.append(shown if fits else None)
    return texts[1], texts[0]


def _optional(option: bytes) -> Pubkey | None:
    """Behind a word that says whether there is one [solana-program-option, COption]."""
    return Pubkey(option[4:]) if _number(option[:4]) else None


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
