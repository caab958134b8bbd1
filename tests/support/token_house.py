"""The whole house on one engine, with tokens that its signed policy lists: API, custody, all loops
and the signer's process. What the API says is compared with what the tokens say.

Any account chain will do: what makes its tokens is an `Issuer`, a few lines for each family. Blocks
are made only while somebody waits for something. Each test opens a vault of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar, cast
from uuid import uuid4

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from api.app import attach, create_app
from chains.assets import Asset
from chains.catalogue import built_in
from chains.devnet.node import DevNode
from chains.model import Address, AssetId, TxId
from chains.networks import Network
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.bootstrap import open_custody
from custody.config import Settings
from custody.db.migrate import upgrade
from custody.devnet.policy import ADMINISTRATOR, MACHINE, administrators, standing_policy
from custody.following import chain_repository
from custody.restraints.service import AskAgain
from custody.services import Services, make_services
from custody.workers.workers import Workers
from signer.policy import SignedPolicy, policy_message
from signer.wire import canonical_json
from tests.support.networks import find_network
from tests.support.signer import prepare_state, running_signer

PATIENCE_S = 120.0
HELD = ("available", "reserved", "pending", "unswept")


class IssuedToken(Protocol):
    """As its issuer and the outside wallet see it. Amounts are base units. What is done is in a
    block when it returns, except where `mine` is False."""

    @property
    def row(self) -> dict[str, Any]:
        """What lists it."""
        ...

    @property
    def asset(self) -> Asset: ...

    async def give(self, to: Address, units: int, *, mine: bool = True) -> TxId:
        """By an outsider."""
        ...

    async def has(self, owner: Address) -> int:
        """As the chain says, past the adapters."""
        ...

    async def freeze(self, owner: Address) -> object:
        """What `owner` has can't leave him. Only for a kind that can."""
        ...

    async def thaw(self, owner: Address) -> object: ...

    async def pause(self) -> object:
        """Nothing of it moves. Only for a kind that can."""
        ...

    async def unpause(self) -> object: ...


class Issuer(Protocol):
    """A family's engine, and who makes tokens on it. Construct with the network, without tokens,
    and a folder. `coin`: base units of the native coin that pay for some transfers."""

    coin: int

    @property
    def network(self) -> Network: ...

    @property
    def node(self) -> DevNode: ...

    @property
    def tokens(self) -> Mapping[str, IssuedToken]:
        """By kind: one of each that the family knows, once it has started."""
        ...

    async def start(self) -> None:
        """The engine, and its tokens."""
        ...

    async def stop(self) -> None: ...

    async def height(self) -> int:
        """Of the tip, as custody counts."""
        ...


Made = TypeVar("Made", bound=Issuer)


class Refused(Exception):
    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__(answer.text)
        self.problem: dict[str, Any] = answer.json()


class TokenHouse(Generic[Made]):
    """`network`: with the tokens listed. `environment`: of `command`."""

    def __init__(
        self, network: Network, issuer: Made, services: Services, key: Ed25519PrivateKey
    ) -> None:
        self.network = network
        self.issuer = issuer
        self.services = services
        self._key = key
        self.http: httpx2.AsyncClient
        self.environment: dict[str, str] = {}

    async def get(self, path: str, **query: str) -> Any:
        return _read(await self.http.get(f"/v1/{path}", params=query))

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        return _read(await self.http.post(f"/v1/{path}", json=body, headers=headers))

    async def new_vault(self, of: Vault[Made] | None = None) -> Vault[Made]:
        """Of a new client, or of the one that another is of."""
        if of is None:
            client = (await self.post("clients", {"name": "Bank"}))["id"]
        else:
            client = (await self.get(f"vaults/{of.id}"))["client_id"]
        vault = await self.post("vaults", {"client_id": client, "name": "Treasury"})
        body = {"network": self.network.alias}
        made = await self.post(f"vaults/{vault['id']}/addresses", body)
        return Vault(self, vault["id"], Address(made["address"]))

    async def command(self, *arguments: str, ends: int = 0) -> str:
        """What `custody` says to an operator."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("custody"),
            *arguments,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == ends, (out, err)
        return (out + err).decode()

    async def list_tokens(self, *kinds: str) -> None:
        """By the next version of the policy. Whoever runs already goes by the old list."""
        plain = find_network(self.network.alias)
        rows = [self.issuer.tokens[kind].row for kind in kinds]
        listed = built_in().with_rows([], rows).networks[plain.id]
        policy = standing_policy([listed], self._key, rows, version=2)
        await self.services.custody.signer.publish_policy(policy)

    async def ask_again(self) -> None:
        """About restraints, as a loop does every few seconds."""
        custody = self.services.custody
        adapter = custody.adapters[self.network.id]
        await AskAgain(custody.database, self.network, adapter, custody.clock).step()

    async def until(self, holds: Callable[[], Awaitable[bool]], *, mining: bool = True) -> None:
        """`mining`: blocks come meanwhile."""
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():
                if mining:
                    await self.issuer.node.mine()
                await asyncio.sleep(0.05)

    async def followed(self) -> None:
        """Until custody stands at the tip. No block comes meanwhile."""
        tip = await self.issuer.height()

        async def there() -> bool:
            async with self.services.custody.database.read() as session:
                position = await chain_repository.position(session, self.network.id)
            return position is not None and position.height == tip

        await self.until(there, mining=False)


@dataclass(frozen=True)
class Vault(Generic[Made]):
    """Of one client. `address` is where it is paid, and what pays."""

    house: TokenHouse[Made]
    id: str
    address: Address

    async def receive(self, token: IssuedToken | None, units: int) -> TxId:
        """A stranger pays; until it is credited."""
        house = self.house
        if token is None:
            txid = await house.issuer.node.fund(self.address, units)
        else:
            txid = await token.give(self.address, units, mine=False)
        await house.until(lambda: self.deposited(txid, "credited"))
        return txid

    async def deposits(self, **query: str) -> list[dict[str, Any]]:
        found = await self.house.get("deposits", vault_id=self.id, **query)
        return cast(list[dict[str, Any]], found["items"])

    async def deposited(self, txid: TxId, state: str) -> bool:
        return state in {each["state"] for each in await self.deposits() if each["txid"] == txid}

    async def ask(self, asset: AssetId, units: int | None, to: Address, **more: Any) -> Any:
        """A transfer; `units` None: all. Raises Refused."""
        body = {
            "vault_id": self.id,
            "network": self.house.network.id,
            "asset": asset,
            "destination": to,
            **({"amount": "all"} if units is None else {"amount_base_units": str(units)}),
            **more,
        }
        return await self.house.post("transfers", body, **{"Idempotency-Key": str(uuid4())})

    async def shown(self, transfer: Any) -> Any:
        return await self.house.get(f"transfers/{transfer['id']}")

    async def until(self, transfer: Any, *states: str, mining: bool = True) -> Any:
        async def there() -> bool:
            return (await self.shown(transfer))["state"] in states

        await self.house.until(there, mining=mining)
        return await self.shown(transfer)

    async def until_waiting(self, transfer: Any, code: str, *, mining: bool = False) -> None:
        async def there() -> bool:
            return bool((await self.shown(transfer))["waiting"] == code)

        await self.house.until(there, mining=mining)

    async def balance(self, asset: AssetId) -> dict[str, int]:
        found = await self.house.get(f"vaults/{self.id}/balances", asset=asset)
        rows = found["items"]
        names = (*HELD, "locked", "owed", "suspense")
        return {name: int(row[name]["amount_base_units"]) for row in rows for name in names}

    async def stopped(self, asset: AssetId) -> int:
        """What of it the API says that nobody can move."""
        (row,) = (await self.house.get(f"vaults/{self.id}/balances", asset=asset))["items"]
        return int(row["frozen"]["amount_base_units"])

    async def ledger(self, asset: AssetId) -> int:
        found = await self.balance(asset)
        return sum(found.get(name, 0) for name in HELD) - found.get("owed", 0)

    async def compare(self, token: IssuedToken) -> None:
        """Ledger and chain, of the coin and the token, by two ways: the engine is asked here, and
        custody's own reconciliation looks at one block."""
        house = self.house
        await house.followed()
        native = house.network.native.id
        assert await self.ledger(token.asset.id) == await token.has(self.address)
        assert await self.ledger(native) == await house.issuer.node.balance(self.address)
        report = await house.services.reconciliation.run(vault=self.id)
        assert report.is_clean, report.lines
        assert {token.asset.id, native} <= {each.asset for each in report.lines}

    async def debited(self, txid: TxId) -> bool:
        """Whether a foreign debit is booked."""
        found = await self.house.get("foreign-debits", vault_id=self.id)
        return any(each["txid"] == txid and each["state"] == "booked" for each in found["items"])

    async def frozen(self) -> str | None:
        found: str | None = (await self.house.get(f"vaults/{self.id}"))["frozen_reason"]
        return found


def _read(answer: httpx2.Response) -> Any:
    if answer.is_error:
        raise Refused(answer)
    return answer.json()


@asynccontextmanager
async def opened(
    alias: str,
    folder: Path,
    make: Callable[[Network, Path], Made],
    listed: tuple[str, ...] | None = None,
    also: Mapping[str, str] = MappingProxyType({}),
    change: Callable[[dict[str, Any], Made], None] = lambda document, issuer: None,
) -> AsyncIterator[TokenHouse[Made]]:
    """`listed`: of the tokens, which the policy lists, all if None; the others exist all the
    same. `also`: URLs of other networks' nodes, by alias. `change`: what else the policy says."""
    plain = find_network(alias)
    issuer = make(plain, folder / "node")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(issuer.stop)
        await issuer.start()
        rows = [each.row for kind, each in issuer.tokens.items() if not listed or kind in listed]
        network = built_in().with_rows([], rows).networks[plain.id]
        key = Ed25519PrivateKey.generate()
        state = prepare_state(folder, administrators=administrators(key))
        signer = stack.enter_context(running_signer(state))
        client = signer.client()
        document = json.loads(standing_policy([network], key, rows).document)
        change(document, issuer)
        signed = canonical_json(document)
        made = {ADMINISTRATOR: key.sign(policy_message(signed))}
        await client.publish_policy(SignedPolicy(signed, made))
        await client.close()
        nodes = {alias: issuer.node.url, **also}
        services = await _custody(stack, folder, nodes)
        house = TokenHouse(network, issuer, services, key)
        house.environment = {
            "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'custody.db'}",
            "CUSTODY_SIGNER_SOCKET": str(folder / "signer.sock"),
            "CUSTODY_NODES": json.dumps(nodes),
            "COLUMNS": "400",
        }
        await _api(stack, house)
        workers = Workers(services)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        group.create_task(workers.run())
        stack.callback(workers.stop)
        yield house


async def _custody(stack: AsyncExitStack, folder: Path, nodes: Mapping[str, str]) -> Services:
    database = f"sqlite+aiosqlite:///{folder / 'custody.db'}"
    await upgrade(database)
    settings = Settings(
        database_url=SecretStr(database),
        signer_socket=folder / "signer.sock",
        nodes=cast(Any, nodes),
        poll_interval_s=0.05,
        _env_file=None,  # type: ignore[call-arg]
    )
    return make_services(await stack.enter_async_context(open_custody(settings)))


async def _api(stack: AsyncExitStack, house: TokenHouse[Any]) -> None:
    custody = house.services.custody
    app = create_app(custody)
    monitor = attach(app, house.services)
    stack.push_async_callback(monitor.close)
    async with custody.database.write() as session:
        made = await create_key(
            session,
            name="test",
            initiator=MACHINE,
            scopes=list(Scope),
            client_id=None,
            now=custody.clock(),
        )
    house.http = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://custody",
        headers={"Authorization": f"Bearer {made.secret}"},
        timeout=30.0,
    )
    stack.push_async_callback(house.http.aclose)
