"""Numbers without a database: one after the other, of each client and of all."""

from custody.feeds.numbering import Heads, Place, Waiting


def test_each_client_and_everybody_has_numbers_without_gaps():
    heads = Heads(position=7, sequences={"a": 3})
    waiting = [
        Waiting("1", ("a",)),
        Waiting("2", ("b",)),
        Waiting("3", ()),
        Waiting("4", ("b", "a")),
        Waiting("5", ("a",)),
    ]
    assert list(heads.number(waiting)) == [
        Place("1", 8, "a", 4),
        Place("2", 9, "b", 1),
        Place("3", 10, None, None),
        Place("4", 11, "b", 2),
        Place("4", 12, "a", 5),
        Place("5", 13, "a", 6),
    ]


def test_without_anything_nothing_is_numbered():
    assert list(Heads().number([])) == []
