"""programs that know no minimum of deposits could not read the state of what waits below it"""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("UPDATE schema_bounds SET oldest = '0022'")
