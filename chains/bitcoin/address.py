"""Addresses and output scripts of one bitcoin network, in both directions. Pure.

Parses what people paste, writes what we derive, and names the address of any output script.
Error messages never repeat the text: people also paste keys.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from coincurve import PublicKeyXOnly
from embit import base58 as plain_base58

from chains import base58
from chains.bitcoin import BASE58_NETWORKS, HRP_NETWORKS, bech32
from chains.errors import InvalidAddress, InvalidInput, WrongChecksum, WrongNetwork, ZeroAddress
from chains.hashes import hash160
from chains.model import Address, AddressType, ParsedAddress
from chains.networks import Network

_HASH_BYTES: Final = 20
_TAP_TWEAK: Final = sha256(b"TapTweak").digest() * 2
_HEX: Final = re.compile(r"(0[xX])?(41)?[0-9a-fA-F]{40}", re.ASCII)
_SOLANA_BYTES: Final = 32


class AddressFormat:
    """The addresses of one network. `script` is always an output script (scriptPubKey)."""

    def __init__(self, network: Network) -> None:
        self._name = network.name
        self._hrp = network.text("bech32_hrp")
        self._p2pkh = network.number("p2pkh_version")
        self._p2sh = network.number("p2sh_version")
        self._encode_segwit = bech32.SegwitEncoder(self._hrp).encode

    def parse(self, text: str) -> ParsedAddress:
        """P2PKH and P2SH in base58, P2WPKH and P2WSH in bech32, P2TR in bech32m.

        The canonical form is lower case for segwit. Raises InvalidAddress, WrongChecksum,
        WrongNetwork or ZeroAddress.
        """
        if not text.isascii():
            raise InvalidAddress("a bitcoin address has only ASCII letters and digits")
        hrp, separator, _ = text.lower().rpartition("1")
        if separator and hrp in HRP_NETWORKS:
            return self._parse_segwit(text)
        try:
            version, payload = _decode_base58(text)
        except base58.BadChecksum:
            raise WrongChecksum("the address has a typing error (base58 checksum)") from None
        except ValueError:
            # Before bech32, whose separator may be any 1: a typing error in what isn't even ours.
            _refuse_other_family(text)
            return self._parse_segwit(text)
        return self._parse_base58(version, payload)

    def derive(self, public_key: bytes, address_type: AddressType) -> Address:
        """The address of a compressed, untweaked public key: P2WPKH (BIP-84) or P2TR (BIP-86)."""
        assert len(public_key) == 33, "a compressed public key"
        if address_type is AddressType.P2WPKH:
            return Address(self._encode_segwit(0, hash160(public_key)))
        if address_type is AddressType.P2TR:
            return Address(self._encode_segwit(1, taproot_output_key(public_key[1:])))
        raise InvalidInput(f"{self._name} derives no {address_type} addresses")

    def script_of(self, address: Address) -> bytes:
        """The output script that pays `address`, which is parsed again. Raises InvalidAddress."""
        parsed = self.parse(address)
        if parsed.address_type is AddressType.P2PKH:
            return b"\x76\xa9\x14" + _decode_base58(parsed.address)[1] + b"\x88\xac"
        if parsed.address_type is AddressType.P2SH:
            return b"\xa9\x14" + _decode_base58(parsed.address)[1] + b"\x87"
        _, version, program = bech32.decode(parsed.address)
        return bytes((0x50 + version if version else 0, len(program))) + program

    def address_of(self, script: bytes) -> Address | None:
        """The address that `script` pays, None if no address stands for it."""
        # The commonest first: this runs for every output of every block.
        length = len(script)
        if length == 22 and script[:2] == b"\x00\x14":
            return Address(self._encode_segwit(0, script[2:]))
        if length == 34 and script[1] == 0x20 and script[0] in (0x00, 0x51):
            return Address(self._encode_segwit(1 if script[0] else 0, script[2:]))
        if length == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
            return Address(base58.encode_check(bytes((self._p2pkh,)) + script[3:23]))
        if length == 23 and script[:2] == b"\xa9\x14" and script[22] == 0x87:
            return Address(base58.encode_check(bytes((self._p2sh,)) + script[2:22]))
        return None

    def _parse_base58(self, version: int, payload: bytes) -> ParsedAddress:
        kinds = {self._p2pkh: AddressType.P2PKH, self._p2sh: AddressType.P2SH}
        if version not in kinds:
            other = BASE58_NETWORKS.get(version, "another network")
            raise WrongNetwork(f"an address of {other}, not of {self._name}")
        _refuse_zero(payload)
        address = base58.encode_check(bytes((version,)) + payload)
        return ParsedAddress(Address(address), kinds[version])

    def _parse_segwit(self, text: str) -> ParsedAddress:
        try:
            hrp, version, program = bech32.decode(text)
        except bech32.BadChecksum:
            raise WrongChecksum("the address has a typing error (bech32 checksum)") from None
        except ValueError as error:
            raise InvalidAddress(f"not a bitcoin address: {error}") from None
        if hrp != self._hrp:
            other = HRP_NETWORKS.get(hrp, "another network")
            raise WrongNetwork(f"an address of {other}, not of {self._name}")
        _refuse_zero(program)
        return ParsedAddress(Address(text.lower()), _segwit_type(version, program))


def script_type(script: bytes) -> AddressType | None:
    """Which of the two kinds of output that we spend `script` is; None for every other."""
    if len(script) == 22 and script[:2] == b"\x00\x14":
        return AddressType.P2WPKH
    if len(script) == 34 and script[:2] == b"\x51\x20":
        return AddressType.P2TR
    return None


def taproot_output_key(internal_key: bytes) -> bytes:
    """BIP-341: the x-only output key for an x-only internal key without a script tree (BIP-86).

    Raises InvalidInput if `internal_key` is not a point on the curve.
    """
    try:
        point = PublicKeyXOnly(internal_key)
        point.tweak_add(sha256(_TAP_TWEAK + internal_key).digest())
    except ValueError:
        raise InvalidInput("not a public key of secp256k1") from None
    return point.format()


def _decode_base58(text: str) -> tuple[int, bytes]:
    payload = base58.decode_check(text, 1 + _HASH_BYTES)
    return payload[0], payload[1:]


def _refuse_other_family(text: str) -> None:
    if _HEX.fullmatch(text):
        raise WrongNetwork("hexadecimal: an address of an EVM network or of TRON")
    try:
        is_solana = len(text) < 64 and len(plain_base58.decode(text)) == _SOLANA_BYTES
    except ValueError:
        return
    if is_solana:
        raise WrongNetwork("32 bytes in base58: an address of Solana")


def _segwit_type(version: int, program: bytes) -> AddressType:
    if version == 0:
        return AddressType.P2WPKH if len(program) == _HASH_BYTES else AddressType.P2WSH
    if version != 1 or len(program) != 32:
        raise InvalidAddress("a kind of segwit address that no rule for spending exists for")
    try:
        PublicKeyXOnly(program)
    except ValueError:
        # Whoever paid it would burn the money: no key and no script could ever spend it.
        raise InvalidAddress("a taproot address whose key is not on the curve") from None
    return AddressType.P2TR


def _refuse_zero(payload: bytes) -> None:
    if not any(payload):
        raise ZeroAddress("the all-zero address: money sent there is gone")
