"""What a package of a period shows: that nothing was left out between two instants, that the sums
are right, and that what was signed is what moved. Claims as of a bundle, and those of each sample.

Numbers have no gap, and rows outside the period at both ends show where it was cut. The signer's
records are all leaves of its tree between two checkpoints, so none can be left out or put in. The
ledger is custody's own: what binds it is a head that the auditor has from before (`--head`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property, partial
from hashlib import sha256
from typing import Any, Final, NamedTuple

from custody_verify import bundle
from custody_verify.bundle import Bundle
from custody_verify.claims import Claim, Pins, Said, examine, logged, outcome, rests_on
from custody_verify.errors import refute
from custody_verify.people import check_policies
from custody_verify.strict import fields, listed, moment, number, octets, text, units

from custody_period.books import POSTED, Row, chained, moved, signed_units
from custody_period.log import check_records

_ROWS: Final = {
    "entries": "number at client sequence id kind debit credit asset amount ends subject reason",
    "events": "number at client kind subject event state",
    "records": "number body",
    "requests": "number id client vault network kind asset amount initiator requested_at state",
    "transactions": "id purpose network txid tx transfers state",
}
_CONTROLS: Final = {
    "alarms": "id code network vault message created_at cleared_at cleared_by cleared_reason",
    "breaks": "vault asset network since until reports verdict ledger chain",
    "freezes": "id vault reason frozen_by created_at ended_at ended_by ended_reason",
    "keys": "id name initiator scopes client created_at revoked_at",
    "passes": "id network first_height last_height failure reason passed_by created_at",
    "pauses": "id network vault reason paused_by created_at ended_at ended_by ended_reason",
    "reconciliations": "day network rounds shortage surplus inconclusive",
    "suspense": "id vault asset amount destination reason decided_by created_at",
}
_ENDS: Final = ("cleared_at", "ended_at", "revoked_at", "until")
_STANDS: Final = "kind vault network owner spender asset amount transfer since"
_HEAD: Final = "from to seed samples before vaults log not_recorded"
_LANDED: Final = ("final", "reverted")


class _Cut(NamedTuple):
    """`mine`: those of the period among all `rows`, from place `start` on. `last`: what is known of
    its end. `closed`: True if something behind it is shown, else None: then nobody knows whether
    the last ones were left out."""

    rows: list[Row]
    start: int
    mine: list[Row]
    last: str
    closed: bool | None


def examine_period(read: Bundle, pins: Pins) -> list[Claim]:
    case = _Period(read, pins)
    claims = [Claim(name, about, *outcome(check), False) for name, about, check in case.checks()]
    return [*claims, *case.shown]


class _Period:
    def __init__(self, read: Bundle, pins: Pins) -> None:
        self.bundle, self.pins = read, pins
        self.shown: list[Claim] = []

    def checks(self) -> Iterator[tuple[str, str, Callable[[], Said]]]:
        yield "log", "", self._log
        yield "policy", "", self._policy
        yield "requests", "", self._requests
        yield "entries", "", self._entries
        yield "balances", "", self._balances
        yield "matching", "", self._matching
        yield "samples", "", self._samples
        for name in _CONTROLS:
            yield "controls", name, partial(self._controls, name)
        yield "encumbrances", "", self._encumbrances
        yield "not recorded", "", self._not_recorded
        yield "logged", "", partial(logged, self.bundle, self.pins)

    @cached_property
    def head(self) -> Row:
        head = fields(self.bundle.json("period"), _HEAD)
        named = f"{moment(head['from'])}/{moment(head['to'])}"
        about = self.bundle.subject, self.bundle.network
        refute(about != (named, "all") or head["from"] >= head["to"], "another period")
        return head

    def _rows(self, kind: str) -> list[Row]:
        parts = [listed(self.bundle.json(f"{kind}/{at}"), 1) for at in self.bundle.keys(kind)]
        return [fields(row, _ROWS[kind]) for part in parts for row in part]

    def _cut(self, rows: list[Row], times: list[str], is_whole: bool) -> _Cut:
        """What stands around the period's rows shows that it was cut there. At the beginning
        something must, unless it is the beginning of all."""
        times = [moment(f"{text(time)[:19]}Z") for time in times]
        places = range(len(times))
        start = next((at for at in places if times[at] >= self.head["from"]), len(times))
        end = next((at for at in places[start:] if times[at] >= self.head["to"]), len(times))
        refute(not start and not is_whole, "something before the first one is left out")
        closed = end < len(times) or None
        last = "up to the next one" if closed else "the last there was, says custody"
        return _Cut(rows, start, rows[start:end], last, closed)

    def _numbered(self, kind: str) -> _Cut:
        rows = self._rows(kind)
        first = number(rows[0]["number"]) if rows else 1
        found = [row["number"] for row in rows]
        refute(found != [*range(first, first + len(rows))], "a number is missing, or twice")
        return self._cut(rows, [row["at"] for row in rows], first == 1)

    @cached_property
    def records(self) -> _Cut:
        rows = self._rows("records")
        is_whole = check_records(self.head["log"], rows, self.pins.log_key)
        return self._cut(rows, [row["body"]["at"] for row in rows], is_whole)

    def _log(self) -> Said:
        cut = self.records
        kinds = Counter(text(row["body"]["kind"]) for row in cut.mine)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        words = f"every record of the period, {cut.last}: {told or 'none'}"
        return *rests_on(self.pins.log_key, cut.closed), words

    def _policy(self) -> Said:
        versions = self.bundle.keys("policies")
        parts = {int(each): self.bundle.json(f"policies/{each}") for each in versions}
        found = check_policies([*parts.items()], self.pins.administrators)
        shown_to = {(each.version, each.digest.hex()) for each in found}
        bodies = [row["body"] for row in self.records.rows if row["body"]["kind"] == "signed"]
        named = {(each["policy"], each["policy_digest"]) for each in bodies}
        refute(named - shown_to, "a record names a policy that is not shown")
        new = [row["body"] for row in self.records.mine if row["body"]["kind"] == "policy"]
        for each in new:
            shown = {name: each[name] for name in ("document", "signatures")}
            refute(parts.get(each["version"]) != shown, "the log has another policy than is shown")
        told = [f"{each['version']} by {', '.join(sorted(each['signatures']))}" for each in new]
        words = f"versions {', '.join(versions)}; new in the period: {'; '.join(told) or 'none'}"
        return *rests_on(self.pins.administrators), words

    @cached_property
    def events(self) -> _Cut:
        return self._numbered("events")

    @cached_property
    def asked(self) -> dict[int, Row]:
        """The period's requests by number: that of a transfer's first event."""
        events, first = self.events.rows, dict[str, int]()
        for row in events:
            if row["kind"] == "transfer":
                first.setdefault(text(row["subject"]), row["number"])
        rows = self._rows("requests")
        by_number = {number(row["number"]): row for row in rows}
        refute(
            {row["id"] for row in rows} != first.keys(),
            "a request left out, or of no event",
        )
        refute(not len(rows) == len(first) == len(by_number), "a request is there twice")
        for row in rows:
            units(row["amount"])
            is_here = row["number"] >= events[0]["number"]
            refute(is_here and row["number"] != first[row["id"]], f"{row['id']} has another number")
        found = [row["number"] for row in self.events.mine if row["number"] in by_number]
        return {each: by_number[each] for each in found}

    def _requests(self) -> Said:
        told = f"by {len(self.events.mine)} events whose numbers have no gap, {self.events.last}"
        return "stated", "D", f"{len(self.asked)}, {told}"

    @cached_property
    def entries(self) -> _Cut:
        return self._numbered("entries")

    @cached_property
    def heads(self) -> dict[int, bytes]:
        heads = chained(self.entries.rows, octets(self.head["before"], 32))
        for at, head in self.pins.heads.items():
            refute(heads.get(at) != head, f"the pinned head {at} is another one, or is not here")
        return heads

    @property
    def ends(self) -> tuple[int, int]:
        """The numbers of the ledger's heads at the period's two ends."""
        opening = min(self.heads) + self.entries.start
        return opening, opening + len(self.entries.mine)

    def _bound(self) -> tuple[str, str]:
        """Whether a head that the auditor has binds every entry of the period, and the next."""
        return rests_on(max(self.pins.heads, default=-1) > self.ends[1] or None)

    def _entries(self) -> Said:
        heads = " and ".join(f"{at}.{self.heads[at].hex()}" for at in self.ends)
        return *self._bound(), f"{len(self.entries.mine)}, {self.entries.last}; heads {heads}"

    def _balances(self) -> Said:
        """Before the first entry there was nothing; before a later one what custody says."""
        owners = dict(listed(self.head["vaults"]))
        refute(len(owners) != len(self.head["vaults"]), "a vault of two clients")
        moves = moved(self.entries.mine, owners)
        stated = [fields(row, "client asset opening closing") for row in self._listed("balances")]
        keys = [(text(row["client"]), text(row["asset"])) for row in stated]
        refute(len({*keys}) != len(keys) or moves.keys() - {*keys}, "a balance twice, or missing")
        said = rests_on(None) if self.ends[0] else self._bound()
        for key, row in zip(keys, stated, strict=True):
            opening, closing = signed_units(row["opening"]), signed_units(row["closing"])
            ways = moves.get(key, Counter())
            refute(opening and not self.ends[0], "there was something before the first entry")
            refute(opening + ways.total() != closing, f"{' '.join(key)} comes to another sum")
            told = f"{opening} + {ways['in']} in - {-ways['out']} out - {-ways['fees']} fees"
            words = f"{told} + {ways['foreign']} foreign = {closing}"
            self.shown.append(Claim("balance", " ".join(key), *said, words, False))
        return *said, f"{len(keys)} of client and asset, below"

    def _listed(self, name: str) -> list[Any]:
        return listed(self.bundle.json(name))

    def _matching(self) -> Said:
        """Both ways between what was signed and what moved, and what has its other half outside
        the period."""
        signing = [row for row in self.records.rows if row["body"]["kind"] == "signed"]
        signed = {_signs(row) for row in signing}
        inside = {row["number"] for row in self.records.mine}
        mine = [_signs(row) for row in signing if row["number"] in inside]
        refute(len(signed) != len(signing), "the same was signed twice")
        known = defaultdict(list)
        for row in self._rows("transactions"):
            for transfer in listed(row["transfers"], 1):
                known[transfer].append(row)
        posted = [row for row in self.entries.mine if row["kind"] in POSTED]
        subjects = sorted({row["subject"] for row in posted if row["subject"][:4] == "tfr_"})
        early, late, waiting = [], [], Counter[str]()
        for transfer in subjects:
            landed = [(transfer, row["tx"]) for row in known[transfer] if row["state"] in _LANDED]
            done = [row for row in known[transfer] if row["state"] == "final"]
            refute(len(done) > 1 or not landed, f"{transfer} moved without just one transaction")
            refute({*landed} - signed, f"{transfer} moved, and nothing was signed for it")
            early += [transfer] * (not {*landed} & {*mine})
        for transfer, tx in mine:
            made = [row for row in known[transfer] if row["tx"] == tx]
            refute(len(made) != 1, f"what was signed for {transfer} is not in custody's books")
            if made[0]["state"] not in _LANDED:
                waiting[text(made[0]["state"])] += 1
            elif transfer not in subjects and made[0]["purpose"] != "message":
                late.append(transfer)
        gone = [
            row for row in posted if row["credit"][0] == "chain" and row["subject"][:4] != "tfr_"
        ]
        words = (
            f"{len(subjects)} transfers moved, {len(mine)} signatures; signed before:"
            f" {', '.join(early) or 'none'}; signed, and moved at another time:"
            f" {', '.join(late) or 'none'}; in no block: {dict(waiting) or 'none'}; left without a"
            f" signature: entries {', '.join(str(row['number']) for row in gone) or 'none'}"
        )
        both = self._bound() == rests_on() or None
        return *rests_on(self.pins.log_key, self.records.closed, both), words

    def _samples(self) -> Said:
        seed, count = octets(self.head["seed"]), number(self.head["samples"])
        refute(self.pins.seed not in (None, seed.hex()), "drawn with another seed")
        refute(count > len(self.asked), "more samples than requests")
        order = {each: sha256(seed + each.to_bytes(8, "big")).digest() for each in self.asked}
        drawn = [self.asked[each] for each in sorted(order, key=order.__getitem__)[:count]]
        final = {str(row["number"]): row for row in drawn if row["state"] == "final"}
        refute({*self.bundle.keys("samples")} != final.keys(), "not the samples that are drawn")
        for key, row in final.items():
            read = bundle.read(self.bundle.content(f"samples/{key}"))
            refute(read.subject != row["id"], f"sample {key} is another transfer's")
            shown = examine(read, self.pins)
            self.shown += [each._replace(about=f"{row['id']} {each.about}") for each in shown]
        others = [f"{row['id']} ({row['state']})" for row in drawn if row["state"] != "final"]
        told = f"{count} of {len(self.asked)} drawn, {len(final)} with bundles, below"
        words = f"{told}; of no bundle: {', '.join(others) or 'none'}"
        return *rests_on(self.pins.seed), words

    def _controls(self, name: str) -> Said:
        tables = fields(self.bundle.json("controls"), " ".join(_CONTROLS))
        rows = [fields(row, _CONTROLS[name]) for row in listed(tables[name])]
        if name != "reconciliations":
            still = sum(any(row.get(end, "") is None for end in _ENDS) for row in rows)
            told = f"; {still} not ended" if {*_CONTROLS[name].split()} & {*_ENDS} else ""
            return "stated", "D", f"{len(rows)}{told}"
        day, last = (date.fromisoformat(self.head[end][:10]) for end in ("from", "to"))
        last -= timedelta(days=self.head["to"][11:] == "00:00:00Z")
        days = [str(day + timedelta(days=at)) for at in range((last - day).days + 1)]
        networks = {text(each["asset"]).partition("/")[0] for each in self._listed("balances")}
        networks |= {text(row["network"]) for row in rows}
        wanted = [(each, network) for each in days for network in networks]
        found = [(row["day"], row["network"]) for row in rows]
        refute({*wanted} != {*found} or len({*found}) != len(found), "a day is left out, or twice")
        missed = [
            " ".join(each)
            for each, row in zip(found, rows, strict=True)
            if not number(row["rounds"])
        ]
        words = f"{len(found)} days of networks; none was made on {', '.join(missed) or 'no day'}"
        return "stated", "D", words

    def _encumbrances(self) -> Said:
        kinds = Counter(text(fields(row, _STANDS)["kind"]) for row in self._listed("encumbrances"))
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        return "stated", "D", told or "none"

    def _not_recorded(self) -> Said:
        return "stated", "D", "; ".join(map(text, listed(self.head["not_recorded"])))


def _signs(row: Row) -> tuple[str, str]:
    return text(row["body"]["transfer"]), text(row["body"]["tx"])
