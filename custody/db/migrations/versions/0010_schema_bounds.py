"""the schema says which programs may work on it, for upgrades one process after the other"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "schema_bounds",
        sa.Column("oldest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name=op.f("pk_schema_bounds")),
    )
    op.execute("INSERT INTO schema_bounds (oldest) VALUES ('0010')")
