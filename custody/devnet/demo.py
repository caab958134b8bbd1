"""The main job, played through the HTTP API on real engines, and checked on the engines themselves.

One client with a treasury; on each network a deposit from outside, then a transfer to outside, and
where a token is listed the same with it. On EVM networks a second vault, the till, gets only the
token and pays it out: the gas station brings the coin for the fee from the treasury. What the API
says is only what we wait for: whether it is true is asked of the nodes, by ways the adapters do not
use. Knows the API as any user does, sets the station's rule as any operator does, and reads nothing
of custody's database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx2

from chains.assets import NATIVE, Amount, Asset
from chains.bitcoin.codec import BitcoinCodec
from chains.devnet.node import DevNode, IssuesTokens
from chains.families import traits_of
from chains.keys import ExtendedPublicKey
from chains.model import Address, TxId
from chains.networks import Network
from custody.devnet.launcher import House
from signer.client import SignerClient

WAIT_S: Final = 100.0
_POLL_S: Final = 0.2
_CHANGE_ADDRESSES: Final = 5
_ENDED: Final = frozenset({"denied", "rejected", "expired", "cancelled", "failed"})
_TOKEN: Final = ("500", "120.5")
_AMOUNTS: Final = {
    "BTC": ("0.5", "0.125"),
    "ETH": ("2", "0.75"),
    "BNB": ("3", "1.25"),
    "TRX": ("150", "60"),
    "SOL": ("4", "1.5"),
}
"""Of the deposit and of the transfer, by the coin's symbol."""
_GAS_EACH: Final = "0.01"
_GAS_DAY: Final = "0.1"
"""What the gas station may bring, in the network's coin: far above a fee, far below the deposit."""
Say = Callable[[str], None]


class DemoFailed(Exception):
    """Something that should have happened did not. The message says what, and where."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was observed of one asset. Amounts in its base units; `fee` in those of the network's
    coin. `ledger`: everything the API says the vault holds; `chain`: what the node says its
    addresses hold, after all transfers were final. `coinless`: its vault had no coin of the network
    before the gas station brought one."""

    network: Network
    asset: Asset
    deposited: int
    sent: int
    received: int
    fee: int
    ledger: int
    chain: int
    seconds: float
    transfer: str
    coinless: bool = False

    @property
    def name(self) -> str:
        """Where, and what of."""
        how = ", no coin" if self.coinless else ""
        return f"{self.network.alias} ({self.asset.symbol}{how})"

    @property
    def proven(self) -> bool:
        """The outside got exactly what was sent, and the ledger equals the chain."""
        return self.received == self.sent and self.ledger == self.chain


class Api:
    """The custody API, as a client sees it."""

    def __init__(self, house: House) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{house.base_url}/v1",
            headers={"Authorization": f"Bearer {house.api_key}"},
            timeout=30.0,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str) -> Any:
        return self._read(await self._http.get(path, params=query))

    async def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self._read(await self._http.post(path, json=body, headers=headers))

    @staticmethod
    def _read(answer: httpx2.Response) -> Any:
        if answer.is_error:
            raise DemoFailed(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
        return answer.json()


async def play(house: House, say: Say) -> list[Result]:
    """Play it on all networks at once. Raises DemoFailed; the caller prints what comes back."""
    api, signer = Api(house), SignerClient(house.signer_socket)
    try:
        client = await api.post("/clients", {"name": "Demo Client"})
        treasury, till = [
            (await api.post("/vaults", {"client_id": client["id"], "name": name}))["id"]
            for name in ("Treasury", "Till")
        ]
        say(f"client {client['id']}, vaults {treasury} and {till}")
        plays = []
        for network, node in house.networks_and_nodes():
            scenes = [_Scene(api, signer, treasury, network, node, say)]
            if network.tokens and traits_of(network).numbered_keys:
                scenes.append(_Scene(api, signer, till, network, node, say, coinless=True))
            plays.append(_play(scenes, house, treasury))
        played = await asyncio.gather(*plays)
        return [result for results in played for result in results]
    finally:
        await signer.close()
        await api.close()


async def _play(scenes: Sequence[_Scene], house: House, treasury: str) -> list[Result]:
    """The scenes of one network. One vault's coins pay for another's tokens: nothing is paid before
    all deposits are there, and totals are asked for when all transfers have ended."""
    for scene in scenes:
        if scene.coinless:
            await scene.set_gas(house, treasury)
    await asyncio.gather(*(scene.receive() for scene in scenes))
    await asyncio.gather(*(scene.pay() for scene in scenes))
    return [result for scene in scenes for result in await scene.results()]


class _Scene:
    """What one vault does on one network. `coinless`: it gets tokens only."""

    def __init__(
        self,
        api: Api,
        signer: SignerClient,
        vault: str,
        network: Network,
        node: DevNode,
        say: Say,
        *,
        coinless: bool = False,
    ) -> None:
        self._api = api
        self._signer = signer
        self._vault = vault
        self._network = network
        self._node = node
        self.coinless = coinless
        tokens = network.tokens.values()
        self._assets = tuple(tokens) if coinless else (network.native, *tokens)
        who = "till: " if coinless else ""
        self._say: Say = lambda text: say(f"{network.alias:<16} {who}{text}")

    async def set_gas(self, house: House, payer: str) -> None:
        """As an operator: from now on `payer` brings coins to vaults that have too few for fees."""
        rule = ("--payer", payer, "--each", _GAS_EACH, "--day", _GAS_DAY, "--bears", "house")
        whose = ("--key", house.api_key_id, "--reason", "demo")
        await house.operate("gas", "set", self._network.alias, *rule, *whose)
        self._say(f"custody gas set: {payer} brings coins for fees")

    async def receive(self) -> None:
        """A deposit of each asset."""
        self._began = time.monotonic()
        made = await self._api.post(
            f"/vaults/{self._vault}/addresses", {"network": self._network.id}
        )
        address = Address(made["address"])
        self._say(f"deposit address {address}")
        deposits = [self._deposit(asset, address) for asset in self._assets]
        self._deposited = await asyncio.gather(*deposits)
        if self.coinless and await self._node.balance(address) != 0:
            raise DemoFailed(f"{self._network.alias}: {address} should have no coin")

    async def pay(self) -> None:
        """A transfer of each asset, until it is final."""
        self._paid = await asyncio.gather(*(self._transfer(asset) for asset in self._assets))
        self._seconds = time.monotonic() - self._began

    async def results(self) -> list[Result]:
        """Of each asset."""
        if self.coinless:
            await self._check_gas()
        return [
            await self._result(asset, deposited, transfer, outside)
            for asset, deposited, (transfer, outside) in zip(
                self._assets, self._deposited, self._paid, strict=True
            )
        ]

    async def _check_gas(self) -> None:
        """The gas station brought the coin, and what the fee left of it is in ledger and chain."""
        gas = await self._api.get(f"/vaults/{self._vault}/gas")
        brought = [each for each in gas["items"] if each["network"] == self._network.id]
        if not brought or any(each["state"] != "done" for each in brought):
            raise DemoFailed(f"{self._network.alias}: the gas station brought nothing")
        coin = self._network.native
        ledger, chain = await self._both_totals(coin)
        amounts = ", ".join(each["amount"]["amount"] for each in brought)
        left = Amount(coin, chain).decimal
        self._say(f"{amounts} {coin.symbol} brought by the gas station, {left} left")
        if ledger != chain:
            raise DemoFailed(
                f"{self._network.alias}: till: {ledger} of the coin, on the chain {chain}"
            )

    async def _result(
        self, asset: Asset, deposited: int, transfer: Any, outside: Address
    ) -> Result:
        (paid,) = [each for each in transfer["transactions"] if each["state"] == "final"]
        received = await self._node.received(TxId(paid["txid"]), outside, asset.id)
        ledger, chain = await self._both_totals(asset)
        return Result(
            network=self._network,
            asset=asset,
            deposited=deposited,
            sent=int(transfer["amount_base_units"]),
            received=received,
            fee=sum(int(each["amount_base_units"]) for each in paid["costs"].values()),
            ledger=ledger,
            chain=chain,
            seconds=self._seconds,
            transfer=transfer["id"],
            coinless=self.coinless,
        )

    async def _deposit(self, asset: Asset, address: Address) -> int:
        words, _ = _amounts(asset)
        amount = Amount.parse(asset, words).units
        if asset.kind == NATIVE:
            txid = await self._node.fund(address, amount)
        else:
            txid = await self._issuer().fund_token(address, asset.id, amount)
        self._say(f"{words} {asset.symbol} sent from outside: {txid}")
        seen: str | None = None
        async for _ in self._until("the deposit is credited"):
            page = await self._api.get("/deposits", vault_id=self._vault, asset=asset.id)
            state = next((each["state"] for each in page["items"] if each["txid"] == txid), None)
            if state != seen:
                self._say(f"deposit of {asset.symbol} {state}")
                seen = state
            if state == "credited":
                return amount
        raise AssertionError

    async def _transfer(self, asset: Asset) -> tuple[Any, Address]:
        outside = await self._node.outside_address()
        _, amount = _amounts(asset)
        body = {
            "vault_id": self._vault,
            "network": self._network.id,
            "asset": asset.id,
            "destination": outside,
            "amount": amount,
            "note": "demo",
        }
        key = str(uuid4())
        transfer = await self._api.post("/transfers", body, key)
        again = await self._api.post("/transfers", body, key)
        if again["id"] != transfer["id"]:
            raise DemoFailed(f"{self._network.alias}: the same Idempotency-Key made two transfers")
        symbol = asset.symbol
        self._say(f"transfer of {amount} {symbol} to {outside}")
        shown = 0
        states: dict[str, str] = {}
        async for _ in self._until("the transfer is final"):
            transfer = await self._api.get(f"/transfers/{transfer['id']}")
            for event in transfer["events"][shown:]:
                self._say(f"{symbol} transfer {event['event']}: {event['state']}" + _detail(event))
            shown = len(transfer["events"])
            for each in transfer["transactions"]:
                if states.get(each["id"]) != each["state"]:
                    told = f"{each['state']}: {each['txid'] or 'not signed'}"
                    self._say(f"{symbol} transaction {told}")
                    states[each["id"]] = each["state"]
            if transfer["state"] in _ENDED:
                raise DemoFailed(
                    f"{self._network.alias}: {transfer['state']}: {transfer['reason']}"
                )
            if transfer["state"] == "final":
                return transfer, outside
        raise AssertionError

    async def _both_totals(self, asset: Asset) -> tuple[int, int]:
        """What the API says the vault holds, and what the node says its addresses hold. Solana's
        rent is the vault's but stands on its nonce account, so `locked` is not on its addresses."""
        balances = await self._api.get(f"/vaults/{self._vault}/balances", asset=asset.id)
        (balance,) = balances["items"]
        held = ("available", "reserved", "pending", "unswept")
        ledger = sum(int(balance[name]["amount_base_units"]) for name in held)
        return ledger, await self._chain_total(asset)

    async def _chain_total(self, asset: Asset) -> int:
        page = await self._api.get(
            f"/vaults/{self._vault}/addresses", network=self._network.id, limit="100"
        )
        addresses = {Address(each["address"]) for each in page["items"]}
        if asset.kind != NATIVE:
            issuer = self._issuer()
            return sum([await issuer.token_balance(each, asset.id) for each in sorted(addresses)])
        if traits_of(self._network).coins:
            addresses |= await self._change_addresses()
        return sum([await self._node.balance(address) for address in sorted(addresses)])

    async def _change_addresses(self) -> set[Address]:
        """Users are not shown these, so they are derived from the account key that the signer
        gives out, as any wallet with that key would."""
        codec = BitcoinCodec(self._network)
        kind = self._network.address_types[0]
        text = await self._signer.account_key(self._vault, self._network.id, kind)
        account = ExtendedPublicKey.parse(text)
        keys = [account.derive(f"1/{index}").public_key for index in range(_CHANGE_ADDRESSES)]
        return {codec.derive_address(key, kind) for key in keys}

    def _issuer(self) -> IssuesTokens:
        assert isinstance(self._node, IssuesTokens)
        return self._node

    async def _until(self, what: str) -> Any:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            yield
            await asyncio.sleep(_POLL_S)
        raise DemoFailed(f"{self._network.alias}: {what}: not within {WAIT_S:g} s")


def _amounts(asset: Asset) -> tuple[str, str]:
    return _AMOUNTS[asset.symbol] if asset.kind == NATIVE else _TOKEN


def _detail(event: Mapping[str, Any]) -> str:
    return f" ({event['detail']})" if event["detail"] else ""
