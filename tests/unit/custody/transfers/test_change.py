"""Change addresses: one for each transfer that is built, and none used up by those that aren't."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from chains.model import AddressType
from chains.networks import find_network
from custody.transfers.change import ChangeAddresses
from tests.support.fakes import FakeCodec
from tests.support.signer import MANDATE

CODEC = FakeCodec(find_network("bitcoin-regtest"))


class Vaults:
    """Makes the next address of a vault each time it is asked."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}

    async def create_addresses(self, vault: str, network: str, **_: Any) -> list[Any]:
        index = self.made[vault] = self.made.get(vault, -1) + 1
        path = f"m/84'/1'/0'/1/{index}"
        kind = AddressType.P2WPKH
        row = SimpleNamespace(address=f"{vault}{index}", address_type=kind, path=path)
        row.public_key = bytes(33)
        return [row]


def mandate(transfer, vault="v1"):
    path = CODEC.account_path(AddressType.P2WPKH, 0)
    return replace(MANDATE, transfer=transfer, vault=vault, source_path=path)


async def test_transfers_that_are_not_built_use_no_addresses_up():
    vaults: Any = Vaults()
    change = ChangeAddresses(vaults)
    for number in range(100):
        found = await change.of(mandate(f"t{number}"), CODEC, 0)
        assert found.address == "v10"
        assert await change.of(mandate(f"t{number}"), CODEC, 0) == found
        change.release(f"t{number}")
    assert vaults.made == {"v1": 0}


async def test_no_two_transfers_share_an_address():
    vaults: Any = Vaults()
    change = ChangeAddresses(vaults)
    at_once = [(await change.of(mandate(name), CODEC, 0)).address for name in ("a", "b")]
    change.forget("a")
    change.release("a")
    change.release("b")
    later = [(await change.of(mandate(name), CODEC, 0)).address for name in ("c", "d")]
    assert (at_once, later) == (["v10", "v11"], ["v11", "v12"])
    assert (await change.of(mandate("e", vault="v2"), CODEC, 0)).address == "v20"
