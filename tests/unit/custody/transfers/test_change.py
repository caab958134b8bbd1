"""Change addresses: one for each transfer that is built, and none used up by those that aren't."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from chains.model import AddressType
from custody.transactions.change import ChangeAddresses
from custody.transactions.planners.plan import Waiting
from tests.support.fakes import FakeCodec
from tests.support.networks import find_network

CODEC = FakeCodec(find_network("bitcoin-regtest"))


class Vaults:
    """Makes the next address of a vault each time it is asked."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}

    async def create_addresses(
        self, vault: str, network: str, count: int = 1, **_: Any
    ) -> list[Any]:
        return [self.next(vault) for _ in range(count)]

    def next(self, vault: str) -> Any:
        index = self.made[vault] = self.made.get(vault, -1) + 1
        path = f"m/84'/1'/0'/1/{index}"
        kind = AddressType.P2WPKH
        row = SimpleNamespace(address=f"{vault}{index}", address_type=kind, path=path)
        row.public_key = bytes(33)
        return row


def paying(transfer, vault="v1"):
    path = CODEC.account_path(AddressType.P2WPKH, 0)
    return Waiting(
        transfer=transfer,
        version=1,
        network=CODEC.network.id,
        vault=vault,
        account=0,
        source_path=path,
        source_address=None,
        effects=(),
        costs_max={},
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        frozen=False,
        not_yet=None,
        size=1,
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def test_transfers_that_are_not_built_use_no_addresses_up():
    vaults: Any = Vaults()
    change = ChangeAddresses(vaults)
    for number in range(100):
        found = await change.of([paying(f"t{number}")], CODEC)
        assert [each.address for each in found.values()] == ["v10"]
        assert await change.of([paying(f"t{number}")], CODEC) == found
        change.release(f"t{number}")
    assert vaults.made == {"v1": 0}


async def addresses(change: ChangeAddresses, *transfers: str) -> list[str]:
    found = await change.of([paying(each) for each in transfers], CODEC)
    return [found[each].address for each in transfers]


async def test_no_two_transfers_share_an_address():
    vaults: Any = Vaults()
    change = ChangeAddresses(vaults)
    at_once = await addresses(change, "a", "b")
    change.forget("a")
    change.release("a")
    change.release("b")
    later = await addresses(change, "c", "d")
    assert (at_once, later) == (["v10", "v11"], ["v11", "v12"])
    (other,) = (await change.of([paying("e", vault="v2")], CODEC)).values()
    assert other.address == "v20"
