"""That a bundle is in the house's transparency log, of which no witness signs two versions."""

from collections.abc import Sequence

from custody_verify.errors import Refuted, refute
from custody_verify.log import LogKey, Proof
from custody_verify.strict import fields, number, octets


def check_logged(
    shown: bytes, digest: bytes, pinned: LogKey | None, witnesses: Sequence[LogKey]
) -> tuple[str, str, str]:
    """State, grade and words of the proof (C2SP tlog-proof) that the bundle with this digest is a
    leaf: proven if every one of the witnesses signed it. Raises Unreadable, Refuted."""
    proof = Proof.parse(shown)
    proof.check()
    leaf, head = fields(proof.body(), "format kind name digest salt"), proof.checkpoint
    octets(leaf.pop("salt"), 16)
    number(leaf["format"])
    named = digest.hex()
    if leaf != {"format": 1, "kind": "evidence", "name": named, "digest": named}:
        raise Refuted("the log has something else there than this bundle")
    words = f"leaf {proof.index} of {head.size} in {head.origin}"
    if pinned is None:
        return "stated", "D", f"{words}: no key of this log given"
    head.check(pinned)
    refute(head.origin != pinned.name, f"it is in {head.origin}, which is not the pinned log")
    missing = [each.name for each in witnesses if not head.is_cosigned(each)]
    if missing or not witnesses:
        return "stated", "D", f"{words}, not seen by {', '.join(missing) or 'a pinned witness'}"
    return "proven", "B", f"{words}, seen by {', '.join(each.name for each in witnesses)}"
