"""programs that know no sweeps would take what they bring for deposits"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("UPDATE schema_bounds SET oldest = '0017'")
