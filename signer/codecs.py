"""Which chains this signer can sign for: the one list, to be found by searching for it.

Pure halves only. A family that is not named here cannot be signed for, whatever anybody configures.
Which networks there are is said by the policy in force, which of them are enabled by the command
that started the signer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Protocol

from chains.catalogue import Catalogue
from chains.codec import Reader, TransactionCodec
from chains.errors import ChainError
from chains.families import CODECS, messages_of
from chains.model import NetworkId
from chains.networks import Family, Network
from signer.agreement import Purpose
from signer.errors import malformed
from signer.statements import Notice

SIGNED_FOR: Final = frozenset(map(Family, ("bitcoin", "evm", "tron", "solana")))


class CodecSource(Protocol):
    """Codecs of what is enabled."""

    def get(self, network: NetworkId, /) -> TransactionCodec | None: ...


def codec_for(network: Network) -> TransactionCodec:
    """Raises KeyError for a network of a family that is not signed for."""
    if network.family not in SIGNED_FOR:
        raise KeyError(network.alias)
    return CODECS[network.family](network)


def reader_of(codec: TransactionCodec, purpose: Purpose) -> Reader:
    """What tells bytes that are signed for `purpose`: no message is read as a transaction, and no
    transaction as a message. Raises Refused where no messages are signed."""
    if purpose is not Purpose.MESSAGE:
        return codec
    try:
        return messages_of(codec)
    except ChainError as error:
        raise malformed(error.code, str(error)) from error


class Codecs:
    """Of the networks that are enabled here, as `catalogue` describes them now: what a new policy
    adds is served at once, if it was enabled before."""

    def __init__(
        self,
        names: Collection[str],
        catalogue: Callable[[], Catalogue],
        make: Callable[[Network], TransactionCodec] = codec_for,
    ) -> None:
        """`names`: aliases or ids."""
        self._names = frozenset(names)
        self._catalogue = catalogue
        self._make = make
        self._made: dict[NetworkId, TransactionCodec] = {}

    def get(self, network: NetworkId, /) -> TransactionCodec | None:
        """None for a network that is not enabled, or that there is not."""
        found = self._catalogue().networks.get(network)
        if found is None or not {found.id, found.alias} & self._names:
            return None
        made = self._made.get(network)
        if made is None or made.network is not found:
            made = self._made[network] = self._make(found)
        return made

    def notices(self) -> tuple[Notice, ...]:
        """What is enabled and does not exist: a slip of the pen, or a policy that is still to
        come."""
        known = {
            name for each in self._catalogue().networks.values() for name in (each.id, each.alias)
        }
        unknown = ", ".join(sorted(self._names - known))
        if not unknown:
            return ()
        said = f"there is no network {unknown}, neither built in nor in the policy in force"
        return (Notice("network-unknown", said),)
