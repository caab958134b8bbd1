"""`IN` with one parameter, which is an array, however many values there are.

SQLAlchemy writes a parameter for each value, so that each number of values is another statement:
its text is made anew, psycopg reads it anew, and the server plans it anew each time it is asked.
With an array it is one statement, which both prepare once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, BinaryExpression, BindParameter, String
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg


class Compiler(PGCompiler_psycopg):
    def visit_in_op_binary(
        self, binary: BinaryExpression[bool], operator: Any, **options: Any
    ) -> str:
        values = _array(binary)
        if values is None or options.get("literal_binds"):
            return self._generate_generic_binary(binary, " IN ", **options)
        left = self.process(binary.left, **options)
        return f"{left} = ANY ({self.process(values, **options)})"

    def visit_not_in_op_binary(
        self, binary: BinaryExpression[bool], operator: Any, **options: Any
    ) -> str:
        values = _array(binary)
        if values is None or options.get("literal_binds"):
            parent: str = super().visit_not_in_op_binary(binary, operator, **options)  # type: ignore[no-untyped-call]
            return parent
        left = self.process(binary.left, **options)
        return f"({left} <> ALL ({self.process(values, **options)}))"


def _array(binary: BinaryExpression[bool]) -> BindParameter[Any] | None:
    """The values as one parameter. None for a subquery, and for tuples, of which there are no
    arrays."""
    values = binary.right
    if not isinstance(values, BindParameter) or not values.expanding or values.type._is_tuple_type:
        return None
    item = binary.left.type if values.type._isnull else values.type
    array = values._clone(maintain_key=True)
    array.expanding = False
    # Of no length: a cast to a shorter one would cut a value off, and find another one's row.
    array.type = ARRAY(String() if isinstance(item, String) else item)
    return array
