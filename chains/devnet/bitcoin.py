"""The local bitcoin network: a real `bitcoind -regtest` that talks to nobody.

Consensus, mempool policy, replacement and the wallet of "everybody else" are the engine's own.
Verbs reach it directly, adapters through the fault proxy. Its credentials are made anew for every
object of this class and live in a configuration file that only its owner can read.
"""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path
from typing import Any, Final

from chains.bitcoin import COINBASE_MATURITY
from chains.bitcoin.rpc import BitcoinRpc, RpcRefused
from chains.devnet.engines import bitcoind
from chains.devnet.faults import BehindProxy
from chains.devnet.process import EngineProcess, free_port, on_free_port
from chains.model import Address, AssetId, TxId
from chains.networks import Network
from chains.transport.jsonrpc import Call

_WALLET: Final = "outside"
_MATURE_COINS: Final = 10
"""Of 50 each: all that the outside wallet ever has."""
_MINER: Final = "raw(51)"
"""Later blocks reward nobody in particular, which spares the wallet the bookkeeping."""
_RPC_TIMEOUT_S: Final = 60.0
_SATOSHI_PER_COIN: Final = 100_000_000

# Nobody connects to it and it connects to nobody. `fallbackfee` is for the outside wallet: a young
# chain has no fee history. `rejectparasites` (Bitcoin Knots) would refuse every transaction whose
# lock time is 21, and the wallet draws some lock times by lot among the newest hundred heights.
_CONFIGURATION: Final = """\
regtest=1
[regtest]
server=1
txindex=1
blockfilterindex=0
listen=0
listenonion=0
connect=0
dnsseed=0
fixedseeds=0
networkactive=0
dbcache=8
par=1
rpcthreads=4
fallbackfee=0.00002
rejectparasites=0
addresstype=bech32
changetype=bech32
keypool=10
nodebuglogfile=1
printtoconsole=1
rpcauth={rpcauth}
rpcport={port}
rpcbind=127.0.0.1
rpcallowip=127.0.0.1
zmqpubhashblock={push}
"""


class BitcoinNode(BehindProxy):
    """Implements `chains.devnet.node.DevNode`. Chain, mempool and wallet lie in `data_dir` and
    survive `stop`."""

    capable_of_restart: Final = True

    def __init__(self, network: Network, data_dir: Path) -> None:
        self.network = network.id
        self.url = self.push = ""
        self._native = network.native.id
        assert network.finality.confirmations is not None
        self._confirmations = network.finality.confirmations
        self._data_dir = data_dir.absolute()
        self._password = secrets.token_urlsafe(24)
        self._process: EngineProcess | None = None
        self._rpc: BitcoinRpc | None = None
        self._movements: dict[str, dict[str, int]] = {}

    async def start(self) -> None:
        """Starts with coins that the outside wallet can spend."""
        await on_free_port(self._start_on, self.stop)

    async def stop(self) -> None:
        await self._close_proxy()
        if self._rpc is not None:
            await self._rpc.close()
            self._rpc = None
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def _start_on(self, port: int) -> None:
        engine_url = f"http://devnet:{self._password}@127.0.0.1:{port}"
        self._rpc = BitcoinRpc(f"{engine_url}/wallet/{_WALLET}", _RPC_TIMEOUT_S)
        self.push = f"tcp://127.0.0.1:{free_port()}"
        self._process = self._engine(port)
        self._process.start()
        await self._process.wait_ready(self._answers)
        await self._open_wallet()
        self.url = await self._open_proxy(engine_url)

    async def outside_address(self) -> Address:
        return Address(await self._ask("getnewaddress", "", "bech32"))

    async def fund(self, address: Address, amount: int) -> TxId:
        whole, rest = divmod(amount, _SATOSHI_PER_COIN)
        txid = await self._ask("sendtoaddress", address, f"{whole}.{rest:08d}")
        # The wallet also names a transaction that its own node refused. Nobody would ever see it.
        await self._ask("getrawtransaction", txid)
        return TxId(txid)

    async def mine(self, blocks: int = 1) -> None:
        await self._ask("generatetodescriptor", blocks, _MINER)

    async def finalize(self) -> None:
        if self._confirmations > 1:
            await self.mine(self._confirmations - 1)

    async def reorg(self, depth: int) -> None:
        assert depth >= 1
        height = await self._ask("getblockcount")
        await self._ask("invalidateblock", await self._ask("getblockhash", height - depth + 1))
        # To another address, so that no new block can equal one that was just declared invalid.
        miner = await self.outside_address()
        for _ in range(depth + 1):
            await self._ask("generateblock", miner, [])

    async def balance(self, address: Address) -> int:
        """Counted from every transaction of the chain, not from the set of unspent outputs."""
        height = await self._ask("getblockcount")
        hashes = await self._ask_all([("getblockhash", (each,)) for each in range(1, height + 1)])
        unread = [each for each in hashes if each not in self._movements]
        for block in await self._ask_all([("getblock", (each, 3)) for each in unread]):
            self._movements[block["hash"]] = _movements(block)
        return sum(self._movements[each].get(address, 0) for each in hashes)

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        assert asset == self._native, asset
        [transaction] = await self._client.batch([("getrawtransaction", (txid, True))])
        if isinstance(transaction, RpcRefused) or transaction.get("confirmations", 0) < 1:
            return 0
        paid = [each for each in transaction["vout"] if _address(each) == address]
        return sum(_satoshi(each) for each in paid)

    def _engine(self, port: int) -> EngineProcess:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        configuration = self._data_dir / "bitcoin.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            _CONFIGURATION.format(rpcauth=_rpcauth(self._password), port=port, push=self.push),
            encoding="ascii",
        )
        return EngineProcess(
            [bitcoind(), f"-datadir={self._data_dir}"], self._data_dir / "bitcoind.log"
        )

    async def _answers(self) -> bool:
        await self._ask("getblockcount")
        return True

    async def _open_wallet(self) -> None:
        if _WALLET not in await self._ask("listwallets"):
            # No watching only, not blank, no passphrase, no reuse, descriptors, loaded at start.
            options = (False, False, "", False, True, True)
            await self._ask("createwallet", _WALLET, *options)
        if await self._ask("getblockcount") == 0:
            await self._ask("generatetoaddress", _MATURE_COINS, await self.outside_address())
            await self.mine(COINBASE_MATURITY)

    @property
    def _client(self) -> BitcoinRpc:
        assert self._rpc is not None, "not started"
        return self._rpc

    async def _ask(self, method: str, *arguments: object) -> Any:
        return await self._client.call(method, *arguments)

    async def _ask_all(self, calls: list[Call]) -> list[Any]:
        answers = await self._client.batch(calls) if calls else []
        for answer in answers:
            if isinstance(answer, RpcRefused):
                raise answer
        return answers


def _rpcauth(password: str) -> str:
    """How the configuration names a user without holding the password (Core, share/rpcauth)."""
    salt = secrets.token_hex(16)
    return f"devnet:{salt}${hmac.digest(salt.encode(), password.encode(), 'sha256').hex()}"


def _movements(block: dict[str, Any]) -> dict[str, int]:
    """What a block (getblock, verbosity 3) adds to and takes from each address."""
    moved: dict[str, int] = {}
    for transaction in block["tx"]:
        taken = [spent["prevout"] for spent in transaction["vin"] if "prevout" in spent]
        for sign, outputs in ((1, transaction["vout"]), (-1, taken)):
            for output in outputs:
                address = _address(output)
                if address is not None:
                    moved[address] = moved.get(address, 0) + sign * _satoshi(output)
    return moved


def _address(output: dict[str, Any]) -> str | None:
    address: str | None = output["scriptPubKey"].get("address")
    return address


def _satoshi(output: dict[str, Any]) -> int:
    return int(output["value"] * _SATOSHI_PER_COIN)
