"""ranges of blocks that were read name their blocks

Older programs can run beside it: they move the end of a range and not its hash, which then stands for
another height than the range's last and is not believed.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.types import Ordinal

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("readings", sa.Column("parent_hash", sa.String(), nullable=True))
    op.add_column("readings", sa.Column("last_hash", sa.String(), nullable=True))
    op.add_column("readings", sa.Column("hashed_height", Ordinal, nullable=True))
