"""What lists of transfers and of deposits may both be narrowed to."""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.paging import ListQuery
from api.schemas import AssetName, Identifier, NetworkName, Printable
from api.v1.networks import named_in_request
from chains.errors import InvalidAddress
from chains.model import AssetId, NetworkId
from custody.db.listing import Times
from custody.errors import Invalid
from custody.services import Services

_HEX = frozenset("0123456789abcdefABCDEF")
_HEX_DIGITS = 64


def _as_chains_write_it(txid: str) -> str:
    """Hex in small letters, as we store it; base58 means what it says."""
    digits = txid.removeprefix("0x")
    return txid.lower() if len(digits) == _HEX_DIGITS and _HEX.issuperset(digits) else txid


TxIdText = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z]{32,128}$"), AfterValidator(_as_chains_write_it)
]
AddressText = Annotated[Printable, StringConstraints(min_length=1, max_length=128)]


class MoneyQuery(ListQuery):
    """Ranges are half open: what is of `_from` is in it, what is of `_to` is not."""

    vault_id: Identifier | None = None
    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    asset: AssetName | None = Field(None, description="CAIP-19 id")
    txid: TxIdText | None = Field(None, description="as the chain names the transaction")
    created_from: AwareDatetime | None = Field(None, description="RFC 3339")
    created_to: AwareDatetime | None = None
    updated_from: AwareDatetime | None = Field(None, description="changed last; RFC 3339")
    updated_to: AwareDatetime | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        for name in ("created", "updated"):
            first, before = getattr(self, f"{name}_from"), getattr(self, f"{name}_to")
            if first is not None and before is not None and before <= first:
                raise PydanticCustomError(
                    "range_empty", f"`{name}_to` must be later than `{name}_from`"
                )
        return self

    @property
    def created(self) -> Times:
        return Times(self.created_from, self.created_to)

    @property
    def updated(self) -> Times:
        return Times(self.updated_from, self.updated_to)

    def network_in(self, services: Services) -> NetworkId | None:
        """Raises Invalid network_unknown."""
        return None if self.network is None else named_in_request(services, self.network).id

    def asset_in(self, services: Services) -> AssetId | None:
        """Raises Invalid asset_unknown."""
        if self.asset is None:
            return None
        try:
            return services.custody.catalogue.find_asset(self.asset).id
        except KeyError:
            raise Invalid("asset_unknown", "there is no such asset", field="asset") from None


def spellings(services: Services, text: str, network: NetworkId | None) -> tuple[str, ...]:
    """The canonical forms of an address on this network, or on all that are served: an address may
    be one of several. Raises Invalid address_malformed if it is none's."""
    codecs = services.custody.codecs
    of: Iterable[NetworkId] = codecs if network is None else [network]
    found = set()
    for each in of:
        try:
            found.add(codecs[each].parse_address(text.strip()).address)
        except InvalidAddress:
            continue
    if not found:
        raise Invalid("address_malformed", "this is no address here", field="address")
    return tuple(sorted(found))
