"""${message}"""

import sqlalchemy as sa
from alembic import op
${"\n".join(sorted(imports.splitlines())) if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

# There is no way down: money has moved since. Restore a backup instead.


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
