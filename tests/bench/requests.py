"""Endless transfers that the signer has not seen before and the policy allows.

What custody would ask for: each with its own destination, amount and conflict key, out of many
vaults. Built before the clock starts; building is not what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.bitcoin.build import build_psbt, order_of
from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.selection import settle
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput
from chains.effects import Pay
from chains.evm import build as evm
from chains.evm.address import checksum
from chains.evm.codec import EvmCodec
from chains.keys import ExtendedPublicKey
from chains.model import (
    Address,
    AssetId,
    Coin,
    NetworkId,
    OwnedAddress,
    UnsignedTx,
)
from chains.networks import Network
from chains.solana.build import Payment, TransferPlan, build_message
from chains.solana.codec import SolanaCodec
from chains.transaction import TransferIntent
from custody.db.ids import new_id
from signer.client import SignerClient
from signer.policy import Policy, SignedPolicy, basis_of
from signer.wire import Action, Consent, Core, Mandate, Purpose, SignRequest
from tests.support.networks import find_network
from tests.support.signer import local_networks, policy_document, rule, sign_policy, window

EVM = find_network("ethereum-local")
BITCOIN = find_network("bitcoin-regtest")
SOLANA = find_network("solana-local")

_LIFETIME = timedelta(hours=1)
_HOUR_S = 3600
_FEE_RATE = 5000
_TIP_HEIGHT = 800_000


def standing_policy(tokens: Sequence[Mapping[str, Any]] = ()) -> SignedPolicy:
    """No approvals, but limits: per transfer, and two rolling windows for each vault. `tokens`:
    rows of those that it lists."""
    units = {network.native.id: 10**network.native.decimals for network in local_networks()}
    units |= {AssetId(row["id"]): 10 ** int(row["decimals"]) for row in tokens}
    per_transfer = [{"asset": asset, "amount": str(10 * one)} for asset, one in units.items()]
    windows = [
        limit
        for asset, one in units.items()
        for limit in (
            window(asset, _HOUR_S, 10**6 * one),
            window(asset, 24 * _HOUR_S, None, count=10**6),
        )
    ]
    return sign_policy(
        policy_document(
            rule("standing", per_transfer=per_transfer, windows=windows),
            assets=[dict(row) for row in tokens],
        )
    )


@cache
def _standing() -> Policy:
    return Policy.parse(standing_policy().document)


@dataclass(frozen=True, slots=True)
class Signer:
    """A signer's process. `client` is connected to `socket`."""

    client: SignerClient
    socket: Path
    pid: int


@dataclass(frozen=True, slots=True)
class Vault:
    """`owners`: its first address on each network. `change`: where bitcoin's change returns to."""

    client: str
    name: str
    account: int
    owners: dict[NetworkId, OwnedAddress]
    change: OwnedAddress


async def open_vaults(client: SignerClient, number: int) -> list[Vault]:
    return [await _open_vault(client, f"client-{n % 3}", f"vault-{n}") for n in range(number)]


async def _open_vault(client: SignerClient, owner: str, name: str) -> Vault:
    account = (await client.open_vault(owner, name)).account
    owners = {}
    codecs: list[Any] = [EvmCodec(EVM), BitcoinCodec(BITCOIN), SolanaCodec(SOLANA)]
    for codec in codecs:
        kind = codec.network.address_types[0]
        (key,) = await client.public_keys(name, codec.network.id, kind, 0, 1)
        path = codec.address_path(kind, account, 0)
        owned = OwnedAddress(codec.derive_address(key, kind), kind, path, key)
        owners[codec.network.id] = owned
    return Vault(owner, name, account, owners, await _change(client, name, account))


async def _change(client: SignerClient, name: str, account: int) -> OwnedAddress:
    codec, kind = BitcoinCodec(BITCOIN), BITCOIN.address_types[0]
    parent = ExtendedPublicKey.parse(await client.account_key(name, BITCOIN.id, kind))
    key = parent.derive("1/0").public_key
    path = codec.address_path(kind, account, 0, change=True)
    return OwnedAddress(codec.derive_address(key, kind), kind, path, key)


class Requests:
    """One stream for each network; each call of a method gives new ones."""

    def __init__(self, vaults: list[Vault]) -> None:
        self._vaults = vaults
        self._random = Random(20260304)
        self._numbers = count()
        self._bitcoin = BitcoinCodec(BITCOIN)
        self._solana = SolanaCodec(SOLANA)

    def evm(self, number: int) -> list[SignRequest]:
        return [self._evm(vault, nonce) for vault, nonce in self._next(number)]

    def bitcoin(self, number: int) -> list[SignRequest]:
        return [self._psbt(vault, salt) for vault, salt in self._next(number)]

    def solana(self, number: int) -> list[SignRequest]:
        return [self._message(vault) for vault, _ in self._next(number)]

    def _next(self, number: int) -> Iterator[tuple[Vault, int]]:
        for _ in range(number):
            at = next(self._numbers)
            yield self._vaults[at % len(self._vaults)], at // len(self._vaults)

    def _evm(self, vault: Vault, nonce: int) -> SignRequest:
        owner = vault.owners[EVM.id]
        amount = self._random.randrange(10**15, 10**18)
        payment = Pay(checksum(self._random.randbytes(20)), EVM.native.id, amount)
        transfer = evm.transfer(
            EVM,
            nonce=nonce,
            to=payment.address,
            value=amount,
            gas=21_000,
            fee_per_gas_max=30 * 10**9,
            priority_fee=10**9,
        )
        tx = UnsignedTx(EVM.id, evm.encode_unsigned(transfer), owner.address)
        return _request(vault, EVM, payment, tx, owner.path, owner.address)

    def _psbt(self, vault: Vault, salt: int) -> SignRequest:
        """One coin in; a payment and the change out."""
        owner, addresses = vault.owners[BITCOIN.id], self._bitcoin.addresses
        coin, made_by = self._coin(owner, salt)
        to = addresses.address_of(b"\x00\x14" + self._random.randbytes(20))
        assert to is not None
        payment = Pay(to, BITCOIN.native.id, self._random.randrange(10_000, 10**6))
        intent = TransferIntent(
            BITCOIN.id, (payment,), BITCOIN.costs_max, change=vault.change, coins=(coin,)
        )
        order = order_of(BITCOIN, addresses, intent, _FEE_RATE)
        plan = settle(order, intent.coins)
        payload = build_psbt(
            addresses, order, plan, vault.change, {coin.txid: made_by}, _TIP_HEIGHT
        )
        account = self._bitcoin.account_path(owner.address_type, vault.account)
        return _request(vault, BITCOIN, payment, UnsignedTx(BITCOIN.id, payload), account, None)

    def _coin(self, owner: OwnedAddress, salt: int) -> tuple[Coin, Transaction]:
        """Second output of a transaction with one signed input, which exists only here."""
        amount = self._random.randrange(2 * 10**6, 10**8)
        made_by = Transaction(
            2,
            (TxInput(self._random.randbytes(32), salt % 3, 0xFFFFFFFD),),
            (
                TxOutput(amount // 2, b"\x00\x14" + self._random.randbytes(20)),
                TxOutput(amount, self._bitcoin.addresses.script_of(owner.address)),
            ),
            0,
        )
        return Coin(made_by.txid(), 1, amount, owner), made_by

    def _message(self, vault: Vault) -> SignRequest:
        """A transfer on a durable nonce."""
        owner = vault.owners[SOLANA.id]
        to = Address(str(Keypair.from_seed(self._random.randbytes(32)).pubkey()))
        payment = Pay(to, SOLANA.native.id, self._random.randrange(10**6, 10**9))
        plan = TransferPlan(
            source=Pubkey.from_string(owner.address),
            payments=(Payment(Pubkey.from_string(payment.address), payment.amount),),
            nonce_index=0,
            lifetime=Hash(self._random.randbytes(32)),
            unit_limit=2_000,
            unit_price=1_000,
        )
        tx = UnsignedTx(SOLANA.id, build_message(plan))
        return _request(vault, SOLANA, payment, tx, owner.path, owner.address)


def _request(
    vault: Vault,
    network: Network,
    payment: Pay,
    tx: UnsignedTx,
    source_path: str,
    source_address: Address | None,
) -> SignRequest:
    now = datetime.now(UTC).replace(microsecond=0)
    core = Core(
        transfer=new_id("tfr"),
        retry_of=None,
        client=vault.client,
        vault=vault.name,
        network=network.id,
        action=Action.TRANSFER,
        initiator="robot",
        source_path=source_path,
        source_address=source_address,
        effects=(payment,),
        requested_at=now,
    )
    mandate = Mandate(
        core=core,
        version=1,
        costs_max=network.costs_max,
        basis=basis_of(_standing(), core),
        offered_at=now,
        expires_at=now + _LIFETIME,
    )
    return SignRequest(Purpose.PAY, tx, (Consent(mandate),))
