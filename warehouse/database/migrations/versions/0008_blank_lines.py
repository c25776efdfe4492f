"""Blank lines of a file, counted in its row of the ledger."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    "alter table audit.loads add column if not exists blank_lines bigint not null default 0",
    "comment on column audit.loads.blank_lines is"
    " 'Blank lines behind the header: with rows and rejected, all lines behind it'",
    # a view keeps the columns that its table had when it was made
    """
    create or replace view audit.current_loads as
    select distinct on (source, dataset, uri) *
    from audit.loads
    where status in ('loaded', 'empty') and unloaded_at is null
    order by source, dataset, uri, load_id desc
    """,
)
