"""Programs that people have, unchanged, with a vault of the house for their wallet: viem, ethers,
web3.py and cast, on a local chain, over a real socket. What they are told is what the chain has."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from web3 import HTTPProvider, Web3
from websockets.asyncio.client import connect

from api.app import attach, create_app
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.devnet.policy import ADMINISTRATOR, MACHINE, standing_policy
from signer.policy import SignedPolicy, policy_message
from signer.wire import canonical_json
from tests.support import messages as said
from tests.support.evm_tokens import EvmIssuer
from tests.support.token_house import TokenHouse, Vault, opened
from tests.ways.pages import blocks

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
ORACLES = Path(__file__).parents[1] / "oracles"
SCRIPT = Path(__file__).parents[2] / "api" / "rpc" / "provider.js"
CAST = ORACLES / "node_modules/@foundry-rs/cast-linux-amd64/bin/cast"
PAGE = "https://app.example.org"
PAYEE = "0x3535353535353535353535353535353535353535"
APPROVED_ABOVE = 10**16


@dataclass
class Served:
    """The house's API on a socket. `key`: one that can only ask."""

    house: TokenHouse[Any]
    port: int
    key: str
    ann: Ed25519PrivateKey

    def url(self, vault: Vault[Any], scheme: str = "http") -> str:
        alias = self.house.network.alias
        return f"{scheme}://127.0.0.1:{self.port}/v1/vaults/{vault.id}/rpc/{alias}"

    async def token(self, vault: Vault[Any], *origins: str) -> str:
        body = {"network": self.house.network.alias, "origins": list(origins)}
        made = await self.house.post(f"vaults/{vault.id}/rpc-tokens", body)
        return f"http://127.0.0.1:{self.port}{made['path']}"

    async def vault(self) -> Vault[EvmIssuer]:
        """With coins and tokens."""
        made = await self.house.new_vault()
        await made.receive(None, self.house.issuer.coin)
        await made.receive(self.house.issuer.tokens["usdc"], 10_000)
        return made

    async def run(self, *command: str) -> tuple[str, str, int]:
        """While blocks come."""
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        mining = asyncio.create_task(self.mine())
        try:
            out, err = await process.communicate()
        finally:
            mining.cancel()
        assert process.returncode is not None
        return out.decode(), err.decode(), process.returncode

    async def mine(self) -> None:
        """Blocks as full as those of a chain that is used: with empty ones the base fee sinks to
        nothing, and programs name bounds that leave no tip."""
        node = self.house.issuer.node
        while True:
            await node.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))
            await node.mine()
            await asyncio.sleep(0.1)

    async def program(self, name: str, **asked: Any) -> Any:
        node = shutil.which("node")
        assert node is not None
        script = str(ORACLES / "wallets.mjs")
        out, err, _ = await self.run(node, script, name, json.dumps(asked))
        assert out, err
        return json.loads(out)

    async def approve(self, transfer_id: str) -> None:
        """Ann signs what she is shown."""
        shown = await self.house.get(f"transfers/{transfer_id}/mandate")
        signature = self.ann.sign(bytes.fromhex(shown["approve_message"])).hex()
        body = {"approver": "ann", "verdict": "approve", "signature": signature}
        await self.house.post(f"transfers/{transfer_id}/approvals", body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    with TemporaryDirectory(prefix="rpc-") as folder:
        async with opened("ethereum-local", Path(folder), EvmIssuer, listed=("usdc",)) as house:
            ann = Ed25519PrivateKey.generate()
            await ask_ann(house, ann)
            async with serving(house) as port:
                yield Served(house, port, await asking_key(house), ann)


async def ask_ann(house: TokenHouse[EvmIssuer], ann: Ed25519PrivateKey) -> None:
    """The next version of the policy asks her about more than so many coins."""
    key, row = house._key, house.issuer.tokens["usdc"].row
    document = json.loads(standing_policy([house.network], key, [row], version=2).document)
    (usual,) = document["rules"]
    credential = {"kind": "ed25519", "key": ann.public_key().public_bytes_raw().hex()}
    document["persons"] = [{"id": "ann", "credentials": [credential]}]
    document["groups"] = [{"id": "treasury", "members": ["ann"]}]
    usual["scope"]["actions"] = ["transfer", "allow"]
    small = json.loads(json.dumps(usual))
    small["id"] = "small"
    for limit in small["limits"]["per_transfer"]:
        if limit["asset"] == house.network.native.id:
            limit["amount"] = str(APPROVED_ABOVE)
    needs = [{"group": "treasury", "count": 1}]
    usual["grant"]["approvals"] = {"order": "any", "needs": needs}
    document["rules"] = [small, usual, *for_messages(usual)]
    signed = canonical_json(document)
    made = SignedPolicy(signed, {ADMINISTRATOR: key.sign(policy_message(signed))})
    await house.services.custody.signer.publish_policy(made)
    house.services.policies._fresh_until = None


def for_messages(usual: dict[str, Any]) -> list[dict[str, Any]]:
    """Logins and typed data of one site; for texts, which say anything, ann is asked."""
    nothing: dict[str, Any] = {"per_transfer": [], "windows": [], "hours": None}
    scope = usual["scope"] | {"actions": ["sign"], "assets": "any"}
    rule = usual | {"scope": scope, "limits": nothing}
    named = [
        {"kind": "siwe", "domains": ["app.example"]},
        {"kind": "eip-712", "domains": [f"{said.MAIL}/Mail"]},
    ]
    texts = usual["grant"] | {
        "costs": [],
        "messages": [{"kind": "eip-191", "domains": ["anybody"]}],
    }
    sites = texts | {"approvals": {"order": "any", "needs": []}, "messages": named}
    return [rule | {"id": "sites", "grant": sites}, rule | {"id": "texts", "grant": texts}]


@asynccontextmanager
async def serving(house: TokenHouse[Any]) -> AsyncIterator[int]:
    """As `custody serve` does it."""
    app = create_app(house.services.custody)
    monitor = attach(app, house.services)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task
    await monitor.close()


async def asking_key(house: TokenHouse[Any]) -> str:
    custody = house.services.custody
    async with custody.database.write() as session:
        made = await create_key(
            session,
            name="app",
            initiator=MACHINE,
            scopes=[Scope.ASK],
            client_id=None,
            now=custody.clock(),
        )
    return made.secret


async def settled(served: Served, vault: Vault[EvmIssuer]) -> list[dict[str, Any]]:
    """The vault's transfers, all final; ledger and chain are the same."""
    house = served.house

    async def there() -> bool:
        found = (await house.get("transfers", vault_id=vault.id))["items"]
        return all(each["state"] == "final" for each in found)

    await house.until(there)
    await vault.compare(house.issuer.tokens["usdc"])
    found = (await house.get("transfers", vault_id=vault.id))["items"]
    return [dict(each) for each in found]


def txids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["transactions"][-1]["txid"] for row in rows]


@pytest.mark.parametrize("program", ["viem", "ethers"])
async def test_a_program_pays_coins_and_tokens(served: Served, program: str) -> None:
    vault, token = await served.vault(), served.house.issuer.tokens["usdc"]
    before = await token.has(PAYEE)
    told = await served.program(
        program,
        url=served.url(vault),
        key=served.key,
        to=PAYEE,
        value="1000",
        token=token.contract,
        units="77",
    )
    assert told.get("statuses") == ["success", "success"], told
    assert told["account"] == vault.address
    rows = await settled(served, vault)
    assert txids(rows) == told["hashes"]
    assert [row["amount_base_units"] for row in rows] == ["1000", "77"]
    assert await token.has(PAYEE) == before + 77


async def test_web3_py_pays(served: Served) -> None:
    vault = await served.vault()

    def pay() -> tuple[str, int]:
        """As docs/defi.md has it."""
        (printed,) = (each for each in blocks("docs/defi.md") if each.language == "python")
        given = {"url": served.url(vault), "key": served.key, "to": PAYEE, "value": 5}
        names: dict[str, Any] = {"Web3": Web3, "HTTPProvider": HTTPProvider, **given}
        exec(printed.text, names)
        txid, web3 = names["txid"], names["web3"]
        return "0x" + bytes(txid).hex(), web3.eth.wait_for_transaction_receipt(txid)["status"]

    mining = asyncio.create_task(served.mine())
    told, status = await asyncio.to_thread(pay)
    mining.cancel()
    assert status == 1
    assert txids(await settled(served, vault)) == [told]


async def test_cast_pays_with_a_token_in_its_url(served: Served) -> None:
    vault = await served.vault()
    url = await served.token(vault)
    (printed,) = (each for each in blocks("docs/defi.md") if each.language == "sh")
    given = f"PATH={CAST.parent}:$PATH URL={url} ADDRESS={vault.address} TO={PAYEE}\n"
    out, err, code = await served.run("bash", "-ec", given + printed.text)
    assert code == 0, err
    common = ("--rpc-url", url, "--unlocked", "--from", vault.address, "--json")
    token = served.house.issuer.tokens["usdc"]
    called = (token.contract, "transfer(address,uint256)", PAYEE, "9")
    also, err, code = await served.run(str(CAST), "send", *common, *called)
    assert code == 0, err
    receipt = json.loads(also)
    assert receipt["status"] == "0x1"
    first, second = txids(await settled(served, vault))
    assert first in out
    assert second == receipt["transactionHash"]


async def test_cast_lets_somebody_take_a_token(served: Served) -> None:
    """An allowance, as the vault's register has it too."""
    vault, token = await served.vault(), served.house.issuer.tokens["usdc"]
    common = ("--rpc-url", await served.token(vault), "--unlocked", "--from", vault.address)
    called = (token.contract, "approve(address,uint256)", PAYEE, "41")
    out, err, code = await served.run(str(CAST), "send", *common, "--json", *called)
    assert code == 0, err
    assert json.loads(out)["status"] == "0x1"
    (row,) = await settled(served, vault)
    assert (row["kind"], txids([row])) == ("allowance", [json.loads(out)["transactionHash"]])
    (open_,) = (await served.house.get(f"vaults/{vault.id}/allowances"))["items"]
    assert (open_["spender"], open_["asset"]) == (PAYEE, token.asset.id)


async def test_a_page_pays_by_the_providers_script(served: Served) -> None:
    vault, token = await served.vault(), served.house.issuer.tokens["usdc"]
    told = await served.program(
        "page",
        url=await served.token(vault, PAGE),
        origin=PAGE,
        script=str(SCRIPT),
        to=PAYEE,
        value="1001",
        token=token.contract,
        units="78",
    )
    assert "error" not in told, told
    assert told["times"] == 2
    assert told["info"]["name"] == "Treasury"
    assert told["info"]["icon"] == "data:image/svg+xml,"
    assert told["refused"] == 4200
    # Both ask for the same, one after the other: the first's answer is the second's for a moment.
    assert told["byEthers"]["statuses"] == told["byViem"]["statuses"] == ["success", "success"]
    assert told["byEthers"]["account"] == told["byViem"]["account"] == vault.address
    assert set(txids(await settled(served, vault))) == {
        *told["byEthers"]["hashes"],
        *told["byViem"]["hashes"],
    }


async def test_what_waits_for_approval_is_found_by_the_same_request(served: Served) -> None:
    vault = await served.vault()
    asked = {
        "url": served.url(vault),
        "key": served.key,
        "to": PAYEE,
        "value": str(APPROVED_ABOVE + 1),
    }
    told = (await served.program("once", **asked))["error"]
    assert told["code"] == -32002, told
    assert told["data"]["needs"] == [{"group": "treasury", "count": 1, "people": ["ann"]}]
    again = (await served.program("once", **asked))["error"]
    assert again["data"]["transfer"] == told["data"]["transfer"]
    await served.approve(told["data"]["transfer"])
    found = await served.program("once", **asked)
    rows = await settled(served, vault)
    assert [row["id"] for row in rows] == [told["data"]["transfer"]]
    assert txids(rows) == [found["hash"]]


async def test_who_goes_away_finds_what_they_asked_for(served: Served) -> None:
    """The connection is cut while the payment is made, and nothing is paid twice."""
    vault = await served.vault()
    transaction = {"from": vault.address, "to": PAYEE, "value": "0x9"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendTransaction", "params": [transaction]}
    body = json.dumps(request).encode()
    path = served.url(vault).partition(str(served.port))[2]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head.encode() + body)
    await writer.drain()

    async def made() -> bool:
        return bool((await served.house.get("transfers", vault_id=vault.id))["items"])

    await served.house.until(made, mining=False)
    writer.transport.abort()
    rows = await settled(served, vault)
    # Long after: it was told to nobody, so the same request is the same payment.
    headers = {"authorization": f"Bearer {served.key}"}
    async with connect(served.url(vault, "ws"), additional_headers=headers) as socket:
        await socket.send(json.dumps(request))
        told = json.loads(await socket.recv())
    assert [told["result"]] == txids(rows)
    assert len(await settled(served, vault)) == 1


async def test_a_page_hears_of_blocks_and_logs(served: Served) -> None:
    vault, token = await served.vault(), served.house.issuer.tokens["usdc"]
    url = (await served.token(vault)).replace("http://", "ws://")

    async def pay() -> None:
        await asyncio.sleep(3)
        await vault.ask(token.asset.id, 55, PAYEE)  # type: ignore[arg-type]

    paying = asyncio.create_task(pay())
    heard = await served.program("listens", url=url, to=PAYEE, token=token.contract)
    await paying
    assert heard.get("paid") == "55", heard
    first, *others = sorted(heard["blocks"])  # viem asks for each, and shows them as answers come
    assert others[:2] == [first + 1, first + 2]
    await settled(served, vault)
