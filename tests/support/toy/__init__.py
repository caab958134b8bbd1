"""A chain that does not exist, in a folder such as docs/adding-a-chain.md asks for.

Amounts are grains, a millionth of a TOY. Addresses are those of the fake chain. `steps` adds it to
a running program by what the page names, and by nothing else.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from chains.assets import AssetKind
from chains.model import AddressType
from chains.networks import Family

FAMILY: Final = Family("toy")
ADDRESS_TYPE: Final = AddressType.EVM
"""A kind of address that is there already, so that no kind has to be added."""

TOKEN: Final = AssetKind("toy20")
"""The kind of its tokens."""

NETWORK_ROW: Final[dict[str, Any]] = {
    "id": "toy:7",
    "alias": "toy-local",
    "name": "Toy",
    "family": FAMILY,
    "environment": "local",
    "finality": {"confirmations": 2},
    "follow_depth": 20,
    "block_ms": 1000,
    "costs_max": {"fee": "2000"},
    "address_types": [ADDRESS_TYPE],
    "native": "slip44:1",
    "parameters": {"number": 7, "coin_type": 1},
}
ASSET_ROW: Final[dict[str, Any]] = {
    "id": "toy:7/slip44:1",
    "kind": "native",
    "symbol": "TOY",
    "name": "Toy coin",
    "decimals": 6,
    "maximum": "1000000000000000",
}

_CONTRACT: Final = f"toy-local.{ADDRESS_TYPE}.{'22' * 20}"
TOKEN_ROW: Final[dict[str, Any]] = {
    "id": f"toy:7/{TOKEN}:{_CONTRACT}{sha256(_CONTRACT.encode()).hexdigest()[:4]}",
    "kind": TOKEN,
    "symbol": "BEAR",
    "name": "Toy bear",
    "decimals": 2,
    "maximum": "1000000000",
}
