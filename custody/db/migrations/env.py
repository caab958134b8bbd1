"""Run by Alembic, on the connection that `custody.db.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from custody.db.tables import Row
from custody.db.types import BaseUnits, UtcTime


def _render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Our column types by their own names, in migrations that Alembic drafts."""
    if kind == "type" and isinstance(item, (BaseUnits, UtcTime)):
        autogen.imports.add(f"from custody.db.types import {type(item).__name__}")
        return f"{type(item).__name__}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
