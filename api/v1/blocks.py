"""A block as deposits and transfers name it."""

from api.schemas import View, with_example

BLOCK_EXAMPLE = {
    "height": 810,
    "hash": "4c1f1e0d5f2a9b7c6d8e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e",
}


class BlockView(View):
    model_config = with_example(BLOCK_EXAMPLE)

    height: int
    hash: str
