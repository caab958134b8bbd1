"""The report for people: nothing of a hostile file is markup, what is wrong stands first, and all
that can be said is said in both languages."""

from __future__ import annotations

import ast
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from custody_report.report import GRADES, STATES, Words, page
from custody_verify import bundle
from custody_verify.claims import Claim, Pins, examine
from custody_verify.cli import main
from custody_verify.log import LogKey
from custody_verify.people import Administrators

from chains.tron.address import to_text
from tests.support.blocks import representatives
from tests.support.signer import administrators_json

VERIFIER = Path(__file__).resolve().parents[3] / "verifier"
VOID = {"meta", "br"}
HOSTILE = "<script>alert(1)</script>\"'&amp;\u202egnp\u2066\x00\x1b[1m\u200b\ud800<!--"


class Seen(HTMLParser):
    """Fails where a tag is not closed in order. Keeps tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def seen(html: bytes) -> Seen:
    found = Seen()
    found.feed(html.decode())
    found.close()
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def report(trx):
    """Of a payment on TRON, with its house's pins or those that are given."""
    data = trx[1].bytes()
    read = bundle.read(data)

    def made(pins: Pins | None = None, *more: Claim, read=read, named=None) -> bytes:
        trusted = trx[0].pins() if pins is None else pins
        return page(data, read, trusted, [*examine(read, trusted), *more], named)

    return made


@pytest.fixture(scope="module")
def one(trx, tmp_path_factory):
    """The same payment in a file, with the pins' options."""
    house, made = trx
    folder = tmp_path_factory.mktemp("one")
    (folder / "one.evidence").write_bytes(made.bytes())
    (folder / "administrators.json").write_text(json.dumps(administrators_json()))
    key = house.bench.session.status(()).verifier_key
    people = str(folder / "administrators.json")
    return [str(folder / "one.evidence"), "--log-key", key, "--administrators", people]


# What can be said


def names() -> Iterator[str]:
    """Of all claims that the checker makes: what `checks` yields first, and each `Claim("…")`."""
    for package in ("custody_verify", "custody_period"):
        tree = ast.parse((VERIFIER / package / "claims.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == "checks":
                yield from yielded(node)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Claim":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield str(first.value)


def yielded(function: ast.FunctionDef) -> Iterator[str]:
    loops = {ast.unparse(each.target): each.iter for each in ast.walk(function)
             if isinstance(each, ast.For)}  # fmt: skip
    for node in ast.walk(function):
        if isinstance(node, ast.Yield):
            assert isinstance(node.value, ast.Tuple)
            first = node.value.elts[0]
            known = loops[first.id] if isinstance(first, ast.Name) else first
            said = ast.literal_eval(known)
            yield from [said] if isinstance(said, str) else said


def test_every_claim_that_can_be_made_has_a_title():
    """And no other has one: words.txt speaks of nothing that is not checked."""
    found = {*names()}
    assert {"request", "costs", "logged", "balance", "not recorded"} < found
    titled = {key.removeprefix("claim ") for key in Words().text if key.startswith("claim ")}
    assert titled == found


def test_all_words_are_there_in_both_languages():
    for key, said in Words().text.items():
        kind = key.partition(" ")[0]
        assert len(said) == (2 if kind == "text" else 4), key
        for english, chinese in zip(said[::2], said[1::2], strict=True):
            assert english.isascii(), key
            assert re.search(r"[\u4e00-\u9fff]", chinese), key
            assert english.endswith(".") == chinese.endswith("。"), key


def test_every_option_that_pins_has_its_words():
    """`--json` and `--html` pin nothing."""
    source = (VERIFIER / "custody_verify/cli.py").read_text()
    options = {*re.findall(r'"(--[a-z-]+)"', source)} - {"--json", "--html"}
    assert {f"pin {each}" for each in options} == {
        key for key in Words().text if key.startswith("pin ")
    }


def test_every_verdict_and_grade_is_explained_side_by_side(report):
    text = "".join(seen(report()).text)
    words = Words().text
    for key in (*(f"state {each}" for each in STATES), *(f"grade {each}" for each in GRADES)):
        english, chinese, more, rest = words[key]
        assert f"{english}{more}{chinese}{rest}" in text


# What the page is


def test_it_is_one_page_that_fetches_and_runs_nothing(report):
    html = report()
    found = seen(html)
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "a", "form", "base", "svg"}
    given = {name for _, attributes in found.tags for name in attributes}
    assert given <= {"lang", "charset", "http-equiv", "content", "class", "scope"}
    assert b"url(" not in html
    assert b"@import" not in html
    policy = {"http-equiv": "Content-Security-Policy",
              "content": "default-src 'none'; style-src 'unsafe-inline'"}  # fmt: skip
    assert ("meta", policy) in found.tags
    assert [
        each for each in ("@page", "A4", "table-header-group") if each.encode() not in html
    ] == []


def test_what_a_hostile_file_says_is_text(report, trx):
    """In every place: subject, names of parts, what a claim is about, its words, and pins."""
    read = bundle.read(trx[1].bytes())
    read = read._replace(subject=HOSTILE, network=HOSTILE, parts={**read.parts, HOSTILE: None})
    key = LogKey(HOSTILE, bytes(32))
    pins = Pins(key, Administrators(1, {HOSTILE: (b"k",)}), witnesses=[key], seed=HOSTILE)
    html = report(pins, Claim("rule", HOSTILE, "refuted", "", HOSTILE, False), read=read)
    found = seen(html)
    assert "script" not in {tag for tag, _ in found.tags}
    text = "".join(found.text)
    shown = (
        "<script>alert(1)</script>\"'&amp;[U+202E]gnp[U+2066][U+0000][U+001B][1m[U+200B][U+D800]"
    )
    assert text.count(f"{shown}<!--") >= 9
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


def test_the_same_file_and_pins_give_the_same_bytes(one, trx, tmp_path):
    """In two processes that order their sets differently, on two days for all that it knows."""
    signers = tmp_path / "representatives.json"
    signers.write_text(json.dumps([to_text(each) for each in representatives()]))
    code = "import sys; from custody_verify.cli import main; sys.exit(main())"
    for seed in ("1", "2"):
        to = str(tmp_path / seed)
        subprocess.run(
            [sys.executable, "-c", code, *one, "--representatives", signers, "--html", to],
            check=True, capture_output=True,
            env={**os.environ, "PYTHONPATH": str(VERIFIER), "PYTHONHASHSEED": seed},
        )  # fmt: skip
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


# What it says


def test_what_is_refuted_stands_before_all_else(report):
    wrong = Claim("effects", "txn_1", "refuted", "", "the bytes do something else", False)
    text = "".join(seen(report(None, wrong)).text)
    body = text[text.index("*/") :].partition("}\n}\n")[2].lstrip()
    assert body.startswith(Words().text["text is refuted"][0])
    assert body.index(wrong.words) < body.index("The file")
    clean = "".join(seen(report()).text)
    assert "REFUTED" not in clean
    assert Words().text["text none is refuted"][1] in clean


def test_what_is_not_proven_stands_in_a_section_of_its_own(report):
    """Every claim that is stated or not checked; and a proven one's limits."""
    html = report().decode()
    section = html[html.index(Words().text["text not proven"][0]) :]
    rows = section.split("<tr>")
    for name, state in (("rule", "stated"), ("logged", "not checked"), ("block", "stated")):
        title = Words().text[f"state {state}"][1]
        assert any(f"<bdi>{name}</bdi>" in row and title in row for row in rows), name
    (limit,) = [row for row in rows if "<bdi>effects</bdi>" in row]
    assert Words().text["claim effects"][3] in limit
    assert Words().text["state proven"][0] not in section


def test_it_says_which_pins_were_given_and_which_were_not(report, trx):
    missing, digest = f"<b>{Words().both('text missing')}</b>", "ab" * 32
    rows = report().decode().split("<tr>")
    (people,) = [row for row in rows if "--administrators" in row]
    assert missing not in people
    assert all(each["id"] in people for each in administrators_json()["members"])
    (blocks,) = [row for row in rows if "--checkpoint" in row]
    assert missing in blocks
    nothing = report(Pins()).decode().split("<tr>")
    assert sum(missing in row for row in nothing) == 10
    assert digest in report(Pins(), named=digest).decode()
    assert trx[0].pins().log_key.key.hex() in "".join(rows)


def test_it_names_the_file_and_what_was_taken_out(report, trx):
    made = replace(trx[1], withheld=["entries"])
    html = report(read=bundle.read(made.bytes())).decode()
    assert bundle.read(made.bytes()).digest.hex() in html
    assert "<bdi>entries</bdi></td></tr>" in html
    assert Words().text["text local"][1] in html


# The command


def test_the_command_writes_it_beside_what_it_prints(one, tmp_path, capsys):
    to = tmp_path / "report.html"
    assert main(one) == 0
    printed = capsys.readouterr().out
    assert main([*one, "--html", str(to)]) == 0
    assert capsys.readouterr().out == printed
    assert "<bdi>decision</bdi>" in to.read_text()


def test_a_refuted_file_has_a_report_too(one, trx, tmp_path):
    path, to = tmp_path / "wrong.evidence", tmp_path / "report.html"
    path.write_bytes(trx[1].put("entries", [{}]).bytes())
    assert main([str(path), *one[1:], "--html", str(to)]) == 1
    assert "REFUTED" in to.read_text()


def test_what_cannot_be_read_has_no_report(one, tmp_path):
    path, to = tmp_path / "bad.evidence", tmp_path / "report.html"
    path.write_bytes(b"no bundle")
    assert main([str(path), "--html", str(to)]) == 1
    assert main([one[0], "--digest", "00" * 32, "--html", str(to)]) == 1
    assert not to.exists()


def test_a_file_that_is_there_is_left_as_it_was(one, tmp_path, capsys):
    to = tmp_path / "report.html"
    to.write_text("mine")
    assert main([*one, "--html", str(to)]) == 2
    assert "no report" in capsys.readouterr().err
    assert to.read_text() == "mine"
    assert main([*one, "--html", ""]) == 2, "no name is no wish for none"
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "elsewhere.html")
    assert main([*one, "--html", str(link)]) == 2
    assert not (tmp_path / "elsewhere.html").exists()


def test_half_a_report_is_none(one, tmp_path, capsys):
    """The disk takes a part of it only."""
    to, (soft, hard) = tmp_path / "report.html", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        assert main([*one, "--html", str(to)]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "no report" in capsys.readouterr().err
    assert not to.exists()
