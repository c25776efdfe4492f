"""A load that is read again for a slice is read in the lines of that slice."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply."""
    op.execute("alter table audit.loads_to_build add column first_line bigint, add column last_line bigint")
    op.execute(
        """
        comment on column audit.loads_to_build.first_line is
        'Of a load that is read again: between which lines its rows of the planned slices lie; NULL: unknown'
        """
    )
    op.execute(
        """
        do $$
        declare
            raw_table record;
        begin
            for raw_table in
                select relname from pg_class
                where relnamespace = 'raw'::regnamespace and relkind = 'r'
                    and exists (select from pg_attribute where attrelid = pg_class.oid and attname = '_line')
            loop
                execute format(
                    'create index if not exists %I on raw.%I using brin (_line) with (autosummarize = on)',
                    raw_table.relname || '_line', raw_table.relname
                );
            end loop;
        end
        $$
        """
    )
