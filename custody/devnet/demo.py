"""The main job, played through the HTTP API on real engines, and checked on the engines themselves.

One client, one vault; on each network a deposit from outside, then a transfer to outside, and where
a token is listed the same with it. What the
API says is only what we wait for: whether it is true is asked of the nodes, by ways the adapters do
not use. Knows the API as any user does and reads nothing of custody's database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
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
Say = Callable[[str], None]


class DemoFailed(Exception):
    """Something that should have happened did not. The message says what, and where."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was observed of one asset. Amounts in its base units; `fee` in those of the network's
    coin. `ledger`: everything the API says the vault holds; `chain`: what the node says its
    addresses hold, after all transfers were final."""

    network: Network
    asset: Asset
    deposited: int
    sent: int
    received: int
    fee: int
    ledger: int
    chain: int
    seconds: float

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
        vault = await api.post("/vaults", {"client_id": client["id"], "name": "Treasury"})
        say(f"client {client['id']}, vault {vault['id']}")
        scenes = [
            _Scene(api, signer, vault["id"], network, node, say)
            for network, node in house.networks_and_nodes()
        ]
        played = await asyncio.gather(*(scene.play() for scene in scenes))
        return [result for results in played for result in results]
    finally:
        await signer.close()
        await api.close()


class _Scene:
    """The play on one network."""

    def __init__(
        self,
        api: Api,
        signer: SignerClient,
        vault: str,
        network: Network,
        node: DevNode,
        say: Say,
    ) -> None:
        self._api = api
        self._signer = signer
        self._vault = vault
        self._network = network
        self._node = node
        self._say: Say = lambda text: say(f"{network.alias:<16} {text}")

    async def play(self) -> list[Result]:
        """Of the coin, then of each token. What pays for a token's transfer is the coin, so its
        balance is asked when all transfers have ended."""
        self._began = time.monotonic()
        address = await self._api.post(
            f"/vaults/{self._vault}/addresses", {"network": self._network.id}
        )
        self._say(f"deposit address {address['address']}")
        to = Address(address["address"])
        assets = (self._network.native, *self._network.tokens.values())
        deposits = await asyncio.gather(*(self._deposit(asset, to) for asset in assets))
        transfers = await asyncio.gather(*(self._transfer(asset) for asset in assets))
        return [
            await self._result(asset, deposited, transfer, outside)
            for asset, deposited, (transfer, outside) in zip(
                assets, deposits, transfers, strict=True
            )
        ]

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
            seconds=time.monotonic() - self._began,
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
