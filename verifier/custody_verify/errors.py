"""Why something does not hold, or can't be read. Verification raises; it never returns a bool."""


class Unreadable(Exception):
    """Not the one spelling that there is. Nothing of it counts."""


class Refuted(Exception):
    """It was read, and shows something else than is claimed."""


class NotRead(Exception):
    """Nobody here can read it. It may be as it should: that is not shown."""


def refute(found: object, words: str) -> None:
    """Raises Refuted if there is anything in `found`."""
    if found:
        raise Refuted(words)


def unread(found: object, words: str) -> None:
    """Raises NotRead if there is anything in `found`."""
    if found:
        raise NotRead(words)


def reject(found: object, words: str) -> None:
    """Raises Unreadable if there is anything in `found`."""
    if found:
        raise Unreadable(words)
