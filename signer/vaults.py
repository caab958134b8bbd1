"""What the signer tells about a vault: its account number, public keys, and which address is ours.

Nothing here signs a transaction or hands out a private key. An attestation is the signer's word to
clients, under a key of its own, that an address derives from the vault's keys.
"""

from __future__ import annotations

from chains.keys import HARDENED
from chains.model import Address, AddressType, KeyScheme, NetworkId
from signer.accounts import Account, Accounts
from signer.auditlog import AuditLog
from signer.clock import TrustedClock
from signer.errors import Refused
from signer.guard import Guard
from signer.keychain import OwnKey
from signer.registry import Vault
from signer.wire import Attestation, OpenedVault, RefusalCode

KEYS_MAX = 10_000


class Vaults:
    """Lives while unlocked; one thread. Every method raises Refused."""

    def __init__(
        self, accounts: Accounts, guard: Guard, log: AuditLog, attester: OwnKey, clock: TrustedClock
    ) -> None:
        self._accounts = accounts
        self._guard = guard
        self._log = log
        self._attester = attester
        self._clock = clock

    def open(self, client: str, vault: str) -> OpenedVault:
        """The vault's account number, given now or earlier; durable."""
        with self._guard.transaction():
            opened = self._guard.registry.open(client, vault, self._clock())
        self._log.append()
        return OpenedVault(opened.account, opened.record.sequence, opened.record.head)

    def account_key(self, vault: str, network: NetworkId, address_type: AddressType) -> str:
        """Extended public key of the vault's account (BIP-32 serialization)."""
        account = self._account(vault, network, address_type)
        if account.scheme is not KeyScheme.SECP256K1:
            raise Refused(
                RefusalCode.MALFORMED, "address-type", f"{account.scheme} has no extended keys"
            )
        with self._accounts.keychain(account) as keychain:
            return keychain.account_key().serialize()

    def public_keys(
        self,
        vault: str,
        network: NetworkId,
        address_type: AddressType,
        start: int,
        count: int,
    ) -> tuple[bytes, ...]:
        """Of the receiving addresses with these indices."""
        if not 0 < count <= KEYS_MAX or start + count > HARDENED:
            raise Refused(RefusalCode.MALFORMED, "range", f"1 to {KEYS_MAX} keys below 2**31")
        account = self._account(vault, network, address_type)
        codec = self._accounts.codec(network)
        with self._accounts.keychain(account) as keychain:
            return tuple(
                keychain.public_key(codec.address_path(address_type, account.number, index))
                for index in range(start, start + count)
            )

    def attest(self, network: NetworkId, vault: str, path: str, address: Address) -> Attestation:
        """Signed, if the key at `path` is the vault's and has this address."""
        number = self._vault(vault).account
        account = self._accounts.containing(network, number, path)
        self._accounts.check_owned(account, path, address)
        unsigned = Attestation(network, vault, path, address, bytes(64))
        signature = self._attester.sign(unsigned.message())
        return Attestation(network, vault, path, address, signature)

    def _vault(self, vault: str) -> Vault:
        found = self._guard.registry.vault(vault)
        if found is None:
            raise Refused(RefusalCode.UNKNOWN_VAULT, "vault", "there is no vault of that name")
        return found

    def _account(self, vault: str, network: NetworkId, address_type: AddressType) -> Account:
        return self._accounts.account(network, self._vault(vault).account, address_type)
