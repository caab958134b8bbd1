"""Which paths and addresses belong to a vault, by derivation and nothing else.

A path that custody names is a claim. It counts if it lies in an account of the vault, has the shape
that the chain's codec gives to addresses, and its key has the claimed address.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from chains.codec import Reader, TransactionCodec
from chains.keys import HARDENED, InvalidPath, is_under, parse_path
from chains.model import Address, AddressType, KeyScheme, NetworkId
from signer.agreement import Purpose
from signer.codecs import CodecSource, reader_of
from signer.errors import malformed, mismatch
from signer.keychain import Keychain, Root

_ACCOUNTS_MAX: Final = 4096
_ADDRESSES_MAX: Final = 65536


@dataclass(frozen=True, slots=True)
class Account:
    """One vault's keys for one type of address. `scope`: the hardened prefix of all their paths."""

    network: NetworkId
    number: int
    address_type: AddressType
    scheme: KeyScheme
    scope: str


class Accounts:
    """Lives while the signer is unlocked."""

    def __init__(self, root: Root, codecs: CodecSource) -> None:
        self._root = root
        self._codecs = codecs
        # Spelled out and derived once for each in use, instead of for each transfer.
        self._accounts = lru_cache(maxsize=_ACCOUNTS_MAX)(self._all_accounts)
        self._addresses = lru_cache(maxsize=_ADDRESSES_MAX)(self._address)

    def codec(self, network: NetworkId) -> TransactionCodec:
        """Raises Refused for a network that is not enabled here."""
        codec = self._codecs.get(network)
        if codec is None:
            raise malformed("network-not-enabled", f"not enabled here: {network}")
        return codec

    def reader(self, network: NetworkId, purpose: Purpose) -> Reader:
        """What tells the bytes of a request. Raises Refused, also where no messages are signed."""
        return reader_of(self.codec(network), purpose)

    def account(self, network: NetworkId, number: int, address_type: AddressType) -> Account:
        """Raises Refused for a type of address that the network does not use."""
        codec = self.codec(network)
        if address_type not in codec.network.address_types:
            raise malformed("address-type", f"{address_type} is not used on {network}")
        scheme, scope = codec.key_scheme(address_type), codec.account_path(address_type, number)
        return Account(network, number, address_type, scheme, scope)

    def containing(self, network: NetworkId, number: int, path: str) -> Account:
        """The vault's account that `path` lies in. Raises Refused if it is in none."""
        try:
            for account in self._accounts(network, number):
                if is_under(path, account.scope):
                    return account
        except InvalidPath as error:
            raise mismatch("path", str(error)) from error
        raise mismatch("path", "the path belongs to another vault")

    def check_owned(self, account: Account, path: str | None, address: Address) -> None:
        """Raises Refused unless the key at `path`, in `account`, has this address."""
        if path is None or self._addresses(account, path) != address:
            raise mismatch("not-ours", f"no key of this vault is known to own {address}")

    def check_change(self, account: Account, path: str | None, address: Address) -> None:
        """As `check_owned`, and on the branch where change belongs: receiving addresses go as far
        as clients ask for them, so that nobody can say which of them is too far ahead."""
        self.check_owned(account, path, address)
        index = parse_path(path or "m")[-1]
        codec = self.codec(account.network)
        wanted = codec.address_path(account.address_type, account.number, index, change=True)
        if path != wanted:
            raise mismatch("change-path", "change to an address for receiving")

    def keychain(self, account: Account) -> Keychain:
        return self._root.keychain(account.scope, account.scheme)

    def _address(self, account: Account, path: str) -> Address:
        """The address whose key is at `path`. Raises Refused if that is no address path of the
        account."""
        codec = self.codec(account.network)
        if not _is_address_path(codec, account, path):
            raise mismatch("path", "not the path of an address of this vault")
        with self.keychain(account) as keychain:
            return codec.derive_address(keychain.public_key(path), account.address_type)

    def _all_accounts(self, network: NetworkId, number: int) -> tuple[Account, ...]:
        """A vault's accounts on a network, one for each type of address."""
        types = self.codec(network).network.address_types
        return tuple(self.account(network, number, each) for each in types)


def _is_address_path(codec: TransactionCodec, account: Account, path: str) -> bool:
    try:
        index = (parse_path(path) or (0,))[-1] % HARDENED
    except InvalidPath:
        return False
    kind, number = account.address_type, account.number
    branches = (False, True) if codec.traits.coins else (False,)
    return path in [codec.address_path(kind, number, index, change=each) for each in branches]
