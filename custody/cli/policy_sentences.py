"""What an operator writes in a plan for a policy, one sentence at a time, as a policy's own words.

The sentences are those in which `policy_words` says what a policy allows. The same readers serve a
file and the questions at a terminal. Each raises PlanInvalid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from chains.assets import Amount, Asset
from chains.catalogue import Catalogue
from chains.costs import GRANTED
from chains.errors import InvalidInput
from chains.networks import Network
from custody.cli.output import Misuse
from custody.cli.policy_words import UNITS
from signer.policy.fields import SECONDS_MAX, WEEKDAYS
from signer.wire import MalformedMessage, format_time, parse_time

T = TypeVar("T")
Row = dict[str, Any]
_WINDOW: Final = re.compile(
    r"(?P<most>.+) in (?:any )?(?P<time>\d+ \w+)"
    r"(?: (?P<where>to one destination|out of one vault))?"
)
_COUNTED: Final = re.compile(r"(?P<count>\d+) transfers of (?P<asset>.+)")
_ENTRY: Final = re.compile(
    r"(?P<address>\S+)(?: with the memo (?P<memo>.+?))? on (?P<network>\S+?)"
    r"(?:, added (?P<added>\S+))?"
)
_COST: Final = re.compile(r"(?P<amount>\S+) (?P<symbol>\S+) as (?P<kind>\S+) on (?P<network>\S+)")


class PlanInvalid(Misuse):
    """A plan makes no policy. `code` never changes: plan_field, plan_sentence, plan_unknown_name,
    plan_contradiction, plan_no_policy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


def sentence(message: str) -> PlanInvalid:
    return PlanInvalid("plan_sentence", message)


def located(where: str, read: Callable[[], T]) -> T:
    """What `read` returns; its complaint says where it belongs."""
    try:
        return read()
    except PlanInvalid as error:
        message = str(error).removesuffix(f" ({error.code})")
        raise PlanInvalid(error.code, f"{where}: {message}") from None


def network_of(text: str, catalogue: Catalogue) -> Network:
    try:
        return catalogue.find_network(text)
    except KeyError:
        known = ", ".join(catalogue.aliases)
        words = f"no network is called {text}; there are {known}"
        raise PlanInvalid("plan_unknown_name", words) from None


def asset_of(text: str, catalogue: Catalogue) -> Asset:
    """``USDC on ethereum``, or a CAIP-19 id where two assets share a symbol."""
    symbol, _, alias = text.partition(" on ")
    if not alias:
        try:
            return catalogue.find_asset(text)
        except KeyError:
            words = f"no asset is {text}: SYMBOL on NETWORK, or its CAIP-19 id"
            raise PlanInvalid("plan_unknown_name", words) from None
    held = catalogue.assets_of(network_of(alias, catalogue).id)
    found = [asset for asset in held if asset.symbol == symbol]
    if len(found) > 1:
        ids = ", ".join(asset.id for asset in found)
        raise PlanInvalid("plan_unknown_name", f"{text} is not one asset; name its id: {ids}")
    if not found:
        known = ", ".join(asset.symbol for asset in held)
        words = f"there is no {symbol} on {alias}; there are {known}"
        raise PlanInvalid("plan_unknown_name", words)
    return found[0]


def amount_of(text: str, catalogue: Catalogue) -> Amount:
    """``1.5 ETH on ethereum``."""
    number, _, name = text.partition(" ")
    return _amount(asset_of(name, catalogue), number)


def seconds_of(text: str) -> int:
    """``24 hours``, ``10 minutes``; ``at once`` is no time."""
    if text == "at once":
        return 0
    number, _, unit = text.partition(" ")
    sizes = {name: size for size, unit_name in UNITS for name in (unit_name, f"{unit_name}s")}
    if not (number.isascii() and number.isdigit()) or unit not in sizes:
        raise sentence(f"a time is like 10 minutes or 24 hours, not {text}")
    if len(number) > 9 or int(number) * sizes[unit] > SECONDS_MAX:
        raise sentence(f"{text} is longer than 366 days")
    return int(number) * sizes[unit]


def window_of(text: str, catalogue: Catalogue) -> Row:
    """``10 ETH on ethereum in 1 day to one destination``,
    ``20 transfers of ETH on ethereum in 1 day``."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise sentence(f"a window is like 10 ETH on ethereum in 1 day, not {text}")
    counted = _COUNTED.fullmatch(match["most"])
    bound: Row
    if counted:
        bound = {"amount": None, "count": int(counted["count"])}
        asset = asset_of(counted["asset"], catalogue)
    else:
        amount = amount_of(match["most"], catalogue)
        bound, asset = {"amount": str(amount.units), "count": None}, amount.asset
    return {
        "asset": asset.id,
        "seconds": seconds_of(match["time"]),
        **bound,
        "per_destination": match["where"] == "to one destination",
    }


def hours_of(text: str) -> Row:
    """``mon-fri 08:00-18:00 Europe/Zurich``."""
    parts = text.split(" ")
    if len(parts) != 3 or parts[1].count("-") != 1:
        raise sentence(f"hours are like mon-fri 08:00-18:00 Europe/Zurich, not {text}")
    start, _, end = parts[1].partition("-")
    days = [day for part in parts[0].split(",") for day in _days(part)]
    return {"zone": parts[2], "days": days, "from": start, "to": end}


def need_of(text: str) -> Row:
    """``2 of treasury``."""
    count, _, group = text.partition(" of ")
    if not (count.isascii() and count.isdigit() and 0 < int(count) < 1000 and group):
        raise sentence(f"an approval is like 2 of treasury, not {text}")
    return {"group": group, "count": int(count)}


def cost_of(text: str, catalogue: Catalogue) -> Row:
    """``0.005 ETH as fee on ethereum``."""
    match = _COST.fullmatch(text)
    if match is None or match["kind"] not in GRANTED:
        kinds = ", ".join(GRANTED)
        raise sentence(f"a cost is like 0.005 ETH as fee on ethereum, of {kinds}; not {text}")
    network = network_of(match["network"], catalogue)
    if match["symbol"] != network.native.symbol:
        raise sentence(f"{network.alias} takes costs in {network.native.symbol}")
    amount = _amount(network.native, match["amount"])
    return {"network": network.id, "kind": match["kind"], "amount": str(amount.units)}


def entry_of(text: str, catalogue: Catalogue, added: Callable[[Row], datetime]) -> Row:
    """``ADDRESS with the memo 17 on ethereum, added 2026-01-01T00:00:00Z``. Memo and time may be
    missing; when it was added, `added` knows."""
    match = _ENTRY.fullmatch(text)
    if match is None:
        raise sentence(f"a destination is like ADDRESS on ethereum, not {text}")
    network = network_of(match["network"], catalogue)
    try:
        address = catalogue.codec(network.id).parse_address(match["address"]).address
        since = None if match["added"] is None else parse_time(match["added"])
    except InvalidInput as error:
        raise sentence(f"{match['address']}: {error}") from None
    except MalformedMessage:
        raise sentence(f"{match['added']} is no time like 2026-01-01T00:00:00Z") from None
    row = {"network": network.id, "address": address, "memo": match["memo"]}
    return {**row, "added_at": format_time(added(row) if since is None else since)}


def public_line_of(text: str, folder: Path) -> Row:
    """What keygen printed, or a file that holds it."""
    try:
        written = text if text.startswith("{") else (folder / text).read_text(encoding="utf-8")
        row = json.loads(written)
    except OSError as error:
        raise sentence(f"{text}: {error.strerror}") from None
    except ValueError:
        raise sentence(f"{text} is no line of keygen's") from None
    if not isinstance(row, dict) or row.keys() != {"id", "credentials"}:
        raise sentence("a line has an id and credentials, as keygen prints it")
    return row


def _amount(asset: Asset, number: str) -> Amount:
    try:
        amount = Amount.parse(asset, number)
    except InvalidInput as error:
        raise sentence(f"{number} {asset.symbol}: {error}") from None
    if amount.units > asset.maximum:
        raise sentence(f"{amount}: more than can exist")
    return amount


def _days(text: str) -> tuple[str, ...]:
    first, _, last = text.partition("-")
    last = last or first
    if first not in WEEKDAYS or last not in WEEKDAYS:
        raise sentence(f"days are some of {' '.join(WEEKDAYS)}, not {text}")
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
    if start > end:
        raise sentence(f"{text}: a week begins on monday")
    return WEEKDAYS[start : end + 1]
