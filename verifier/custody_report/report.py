"""One HTML file about a bundle or a period: no script, nothing from elsewhere, no clock.

Names, numbers and reasons come from a file that somebody else made. They are text here and never
markup, and what would not print, or would turn the line around, stands as its number. The same
file and pins give the same bytes.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from custody_verify.bundle import Bundle
from custody_verify.claims import Claim, Pins
from custody_verify.log import LogKey

STATES: Final = ("refuted", "not checked", "withheld", "stated", "proven")
"""The worst first."""
GRADES: Final = "ABCD-"
_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'"


def write(
    to: str | None,
    data: bytes,
    read: Bundle,
    pins: Pins,
    claims: Sequence[Claim],
    named: str | None,
) -> int:
    """The report to a new file, if one is wanted. 2 if it can't be written: then there is none,
    and a file of that name is as it was."""
    try:
        if to is not None:
            _create(Path(to), page(data, read, pins, claims, named))
    except OSError as error:
        sys.stderr.write(f"custody-verify: no report: {error}\n")
        return 2
    return 0


def _create(path: Path, content: bytes) -> None:
    file = path.open("xb")
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink()
        raise


def page(
    data: bytes, read: Bundle, pins: Pins, claims: Sequence[Claim], named: str | None
) -> bytes:
    """`data`: the bytes of the file. `named`: the digest that it had to have, and has."""
    said = Words()
    kind = "text period" if "period" in read.parts else "text transfer"
    title = harmless(f"{said.text[kind][0]}: {read.subject}")
    lines = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">',
        f"<title>{title}</title><style>\n{_beside('page.css')}</style></head><body>",
        _banner(said, claims),
        f"<h1>{said.both(kind)}</h1>{said.paragraph('no evidence')}",
        said.section("the file", _about(said, data, read)),
        said.section("what was pinned", _pinned(said, pins, named)),
        said.section("claims", said.paragraph("words"), _claims(said, claims)),
        said.section("verdicts", said.meanings("verdict", "state", STATES)),
        said.section("grades", said.meanings("grade", "grade", GRADES)),
        said.section("not proven", *_unproven(said, claims)),
        "</body></html>\n",
    )
    return "\n".join(lines).encode()


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def harmless(text: object) -> str:
    """As text of HTML. Controls, overrides of direction and what has no shape become numbers."""
    return escape("".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in str(text)))


def plain(text: object) -> str:
    """From the file or the auditor: letters that run from right to left turn nothing else."""
    return f"<bdi>{harmless(text)}</bdi>"


class Words:
    """What can be said, by kind and name: a title and perhaps an explanation, in both languages."""

    def __init__(self) -> None:
        blocks = _beside("words.txt").strip().split("\n\n")
        self.text = {key: said for key, *said in (block.split("\n") for block in blocks)}

    def both(self, key: str, at: int = 0) -> str:
        """The English and the Chinese. `at`: 0 of the title, 2 of the explanation."""
        english, chinese = map(escape, self.text[key][at : at + 2])
        return f'<span lang="en">{english}</span> <span lang="zh-Hans">{chinese}</span>'

    def paragraph(self, name: str) -> str:
        return f"<p>{self.both(f'text {name}')}</p>"

    def section(self, name: str, *inside: str) -> str:
        leaf = ' class="leaf"' if name in ("claims", "not proven") else ""
        return f"<section{leaf}><h2>{self.both(f'text {name}')}</h2>{''.join(inside)}</section>"

    def table(self, heads: str, rows: Iterable[Sequence[str]]) -> str:
        names = (f'<th scope="col">{self.both(f"text {each}")}</th>' for each in heads.split())
        lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
        inside = "\n".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table><thead><tr>{''.join(names)}</tr></thead><tbody>\n{inside}</tbody></table>"

    def meanings(self, head: str, kind: str, names: Iterable[str]) -> str:
        """Of each of them all that is said, the two languages side by side."""
        rows = []
        for name in names:
            said = [*map(escape, self.text[f"{kind} {name}"])]
            chinese = f'<span lang="zh-Hans">{"<br>".join(said[1::2])}</span>'
            rows.append([plain(name), "<br>".join(said[::2]), chinese])
        return self.table(f"{head} english chinese", rows)


def _banner(said: Words, claims: Sequence[Claim]) -> str:
    """What nobody may miss, before anything else."""
    counts, told = Counter(each.state for each in claims), said.paragraph("none is refuted")
    wrong = [each for each in claims if each.state == "refuted"]
    if wrong:
        rows = (f"<li>{_name(said, each)} {plain(each.words)}</li>" for each in wrong)
        told = f"{said.paragraph('is refuted')}<ul>{''.join(rows)}</ul>"
    sums = "".join(f"<li>{counts[each]} {said.both(f'state {each}')}</li>" for each in STATES)
    local = said.paragraph("local") * any(each.local for each in claims)
    return f'<div class="banner{" wrong" * bool(wrong)}">{told}<ul>{sums}</ul>{local}</div>'


def _name(said: Words, claim: Claim) -> str:
    return f"{said.both(f'claim {claim.claim}')} <code>{plain(claim.claim)}</code>"


def _about(said: Words, data: bytes, read: Bundle) -> str:
    gone = ", ".join(name for name, part in read.parts.items() if part is None)
    rows = {
        "digest": plain(read.digest.hex()),
        "sha256": plain(sha256(data).hexdigest()),
        "subject": plain(read.subject),
        "network": plain(read.network),
        "made_at": plain(read.made_at),
        "withheld": plain(gone) if gone else said.both("text none"),
    }
    return said.table("item content", [[said.both(f"text {k}"), rows[k]] for k in rows])


def _pinned(said: Words, pins: Pins, named: str | None) -> str:
    """Each option with what it was given, or that it was not, and what is less without it."""
    blocks, people = pins.anchors.checkpoints, pins.administrators
    members = people.members if people else {}
    given: dict[str, list[str]] = {
        "log-key": _keys(pins.log_key),
        "administrators": [
            f"{who} {', '.join(key.hex() for key in members[who])}" for who in sorted(members)
        ],
        "checkpoint": [f"{name} {blocks[name][0]} {blocks[name][1]}" for name in sorted(blocks)],
        "representatives": sorted(each.hex() for each in pins.anchors.representatives),
        "transparency-key": _keys(pins.transparency),
        "witness": _keys(*pins.witnesses),
        "logged": [f"SHA-256 {sha256(pins.logged).hexdigest()}"] * bool(pins.logged),
        "seed": [pins.seed or ""] * (pins.seed is not None),
        "head": [f"{at}.{pins.heads[at].hex()}" for at in sorted(pins.heads)],
        "digest": [named or ""] * bool(named),
    }
    if people:
        given["administrators"].insert(0, f"{people.threshold} / {len(members)}")
    rows = []
    for option, values in given.items():
        name, without = (said.both(f"pin --{option}", at) for at in (0, 2))
        told = "<br>".join(map(plain, values)) or f"<b>{said.both('text missing')}</b>"
        rows.append([f"{name} <code>--{option}</code>", told, without])
    return said.table("pin value without", rows)


def _keys(*keys: LogKey | None) -> list[str]:
    return [f"{each.name} {each.key.hex()}" for each in keys if each is not None]


def _claims(said: Words, claims: Iterable[Claim]) -> str:
    rows = []
    for each in claims:
        verdict = said.both(f"state {each.state}")
        marked = f"<strong>{verdict}</strong>" if each.state == "refuted" else verdict
        told = plain(each.about), marked, plain(each.grade or "-"), plain(each.words)
        rows.append([_name(said, each), *told])
    return said.table("claim about verdict grade said", rows)


def _unproven(said: Words, claims: Sequence[Claim]) -> Iterable[str]:
    yield said.paragraph("beyond") + said.paragraph("open")
    yield _claims(said, [each for each in claims if each.state != "proven"])
    kinds = {each.claim: each for each in claims}
    rows = [[_name(said, each), said.both(f"claim {name}", 2)] for name, each in kinds.items()]
    yield said.paragraph("nor") + said.table("claim limit", rows)
