"""What apps ask about the chain: of the network's own node, but for our own nonces."""

from __future__ import annotations

from typing import Any

from api.rpc.wallet import Wallet
from chains.evm import build
from chains.evm.eip1193.fields import listed, party, quantity
from chains.evm.eip1193.reads import READS, span
from chains.numbering import numbered, place_of
from custody.transactions.repository import taken


async def read(wallet: Wallet, method: str, params: Any) -> Any:
    """Raises RpcFault."""
    checked = READS[method](params)
    if method == "eth_getTransactionCount" and checked[-1] == "pending":
        return await _count(wallet, checked)
    if method == "eth_getLogs":
        checked = [await _span(wallet, checked[0])]
    return await wallet.node(method, checked)


async def _span(wallet: Wallet, asked: dict[str, Any]) -> dict[str, Any]:
    if "blockHash" in asked:
        return asked
    return span(asked, quantity(await wallet.node("eth_blockNumber", []), "the tip"))


async def _count(wallet: Wallet, params: Any) -> str:
    """The vault's own transactions that wait are known here, whether the node has them or not."""
    asked = party(listed(params, 2, 2)[0], "address")
    if asked != await wallet.address():
        found: str = await wallet.node("eth_getTransactionCount", params)
        return found
    counted = await wallet.node("eth_getTransactionCount", [asked, "latest"])
    latest = quantity(counted, "the number of transactions")
    series = place_of(build.nonce_text(wallet.network.id, asked, 0)).series
    async with wallet.services.custody.database.read() as session:
        keys = await taken(session, wallet.network.id)
    places = [place for key in keys if (place := numbered([key])) is not None]
    mine = [each.number + 1 for each in places if each.series == series]
    return hex(max([latest, *mine]))
