"""Effects and costs in words, a line each, from the very values that are signed.

What has no limit is shouted. Where this program does not know an asset's decimals it says base
units, and everything that stands in an effect is shown: an approver signs all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from chains.catalogue import Catalogue
from chains.costs import INSIDE, Costs, withheld_in
from chains.effects import Allow, Call, Delegate, Effect, Pay, Sign
from chains.model import AssetId, NetworkId
from chains.outcomes import Bound, read
from custody.cli.amounts import in_units
from signer.wire import format_time

_WIDTH = 16
_ENFORCED = "enforced by the call's own bytes"
_STATED = "STATED BY CUSTODY; let your own node show it (custody approver simulate)"


def line(label: str, text: str) -> str:
    return f"{label:<{_WIDTH - 1}} {text}"


def effect_lines(
    effect: Effect, native: AssetId, catalogue: Catalogue, enforced: Collection[Bound] = ()
) -> Iterator[str]:
    """One line; a call's arguments and bounds and a message's content take one each. `enforced`:
    the bounds of which its bytes take care."""
    match effect:
        case Pay():
            memo = "" if effect.memo is None else f', memo "{effect.memo}"'
            amount = _amount(effect.asset, effect.amount, catalogue)
            yield line("pays", f"{amount} to {effect.address}{memo}")
        case Allow():
            yield line("ALLOWS", _allowance(effect, catalogue))
        case Call():
            yield from _call_lines(effect, native, catalogue)
            yield from _bound_lines(effect, catalogue, enforced)
        case Sign():
            yield line("SIGNS", f"a message of kind {effect.kind} for {effect.domain}:")
            content = effect.content.decode("utf-8", "backslashreplace")
            yield from (line("  |", _visible(part)) for part in content.split("\n"))
        case Delegate():
            yield line("HANDS OVER", _delegation(effect))


def arrival_lines(effects: Sequence[Effect], costs: Costs, catalogue: Catalogue) -> Iterator[str]:
    """What is paid and what of it arrives are two numbers, where a token keeps a part."""
    for asset, most in sorted(withheld_in(costs).items()):
        paid = sum(e.amount for e in effects if isinstance(e, Pay) and e.asset == asset)
        least = _amount(asset, max(paid - most, 0), catalogue)
        kept = _amount(asset, most, catalogue)
        yield line("ARRIVES", f"at least {least}; the token keeps up to {kept}")


def cost_lines(costs: Costs, catalogue: Catalogue) -> Iterator[str]:
    """The most that may be paid beside the effects, kind by kind."""
    bounds = [
        (kind, asset, most)
        for (asset, kind), most in sorted(costs.items())
        if most and kind not in INSIDE
    ]
    for kind, asset, most in bounds:
        yield line("costs at most", f"{_amount(asset, most, catalogue)} as {kind}")
    if not bounds:
        yield line("costs at most", "nothing")


def _amount(asset: AssetId, units: int, catalogue: Catalogue) -> str:
    """In the asset's unit, and what exactly that is."""
    words = in_units(asset, units, catalogue)
    exact = f"{units} base units of {asset}"
    return exact if words == exact else f"{words} ({exact})"


def _allowance(effect: Allow, catalogue: Catalogue) -> str:
    until = "FOR EVER" if effect.expires_at is None else f"until {format_time(effect.expires_at)}"
    if effect.amount is None:
        return f"{effect.spender} to take ANY AMOUNT of {effect.asset}, {until}"
    return f"{effect.spender} to take {_amount(effect.asset, effect.amount, catalogue)}, {until}"


def _call_lines(effect: Call, native: AssetId, catalogue: Catalogue) -> Iterator[str]:
    coins = f" with {_amount(native, effect.value, catalogue)}" if effect.value else ""
    network = catalogue.networks.get(NetworkId(native.partition("/")[0]))
    known = None if network is None else network.contracts.get(effect.contract)
    called = "" if known is None else f" ({known.name})"
    yield line("CALLS", f"{effect.function} of contract {effect.contract}{called}{coins}")
    for name, value in effect.arguments:
        yield line("  with", f"{name} = {value}")
    for asset, units in effect.moves:
        yield line("  takes", _amount(asset, units, catalogue))


def _bound_lines(effect: Call, catalogue: Catalogue, enforced: Collection[Bound]) -> Iterator[str]:
    """Each with what holds it. A list of bounds is closed, and that is a bound too."""
    for bound in read(effect.outcome):
        held = _ENFORCED if bound in enforced else _STATED
        yield line("  only if", f"{bound_words(bound, catalogue)}: {held}")
    if effect.outcome:
        closed = "nothing else leaves, and nobody may take more than before"
        yield line("  only if", f"{closed}: {_STATED}")
    else:
        yield line("  bounds", "none: whatever it does is agreed to")


def bound_words(bound: Bound, catalogue: Catalogue) -> str:
    amount = _amount(bound.asset, bound.units, catalogue)
    if bound.spender is not None:
        return f"{bound.spender} may take at most {amount} afterwards"
    return f"at least {amount} comes in" if bound.at_most is None else f"at most {amount} goes out"


def _visible(text: str) -> str:
    """What a terminal would obey, or nobody would see, by its number."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _delegation(effect: Delegate) -> str:
    where = "ON EVERY CHAIN" if effect.chain is None else f"on {effect.chain}"
    nonce = "" if effect.nonce is None else f", at nonce {effect.nonce}"
    return f"the account {effect.account} ITSELF to {effect.code}, {where}{nonce}"
