"""rules and what they begin are events

What is there already is told when it changes next. Older programs can run beside it, but can't answer
a question for a part of the feed that has such an event: whoever follows it asks again, and goes on
from the same place when the API was replaced.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import told_triggers

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column("events", sa.Column("client_id", sa.String(), nullable=True))
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in told_triggers.SQLITE if on_sqlite else told_triggers.POSTGRESQL:
        op.execute(statement)
