"""A file that has grown lands what it has gained: loads that continue an earlier one, both current."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    "alter table audit.loads add column if not exists continues_load_id bigint references audit.loads",
    """
    comment on column audit.loads.continues_load_id is
    'Of a load that holds only what its file had gained: the first load of the file as it stands, with which
    it makes up the whole; null for a load that holds its whole file'
    """,
    """
    comment on column audit.loads.sha256 is
    'Of the bytes of the file from its beginning to the end of this load, uncompressed'
    """,
    "comment on column audit.loads.bytes is 'How many bytes that are'",
    """
    comment on column audit.loads.header_lines is
    'Lines of the file before the first of this load: those up to and with its header, and of a load that
    continues also those of the loads that it continues'
    """,
    """
    comment on column audit.loads.options is
    'What was said of the file when it was loaded (as_of, zone, mapping, symbol …), which others make a
    restatement; and how it was found to be read: encoding, format, latin1_lines, force'
    """,
    # as anti-joins, whose rows PostgreSQL estimates well and which serve one load and all of them
    """
    create or replace view audit.current_loads as
    select loads.*
    from audit.loads
    where loads.status in ('loaded', 'empty') and loads.unloaded_at is null
        and not exists (
            select from audit.loads as later
            where later.source = loads.source and later.dataset = loads.dataset and later.uri = loads.uri
                and later.load_id > coalesce(loads.continues_load_id, loads.load_id)
                and later.continues_load_id is null
                and later.status in ('loaded', 'empty') and later.unloaded_at is null
        )
        and not exists (
            select from audit.loads as whole
            where whole.load_id = loads.continues_load_id and whole.unloaded_at is not null
        )
    """,
    """
    comment on view audit.current_loads is
    'The loads that each file (source, dataset, uri) stands at now: its newest whole and what continues it'
    """,
)
