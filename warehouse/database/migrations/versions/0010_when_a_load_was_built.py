"""When a model has taken a load in, so that a build can tell what became of its loads."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    # in two steps, because a load that was built before this has no known time
    op.execute("alter table audit.built_loads add column if not exists built_at timestamptz")
    op.execute("alter table audit.built_loads alter column built_at set default now()")
