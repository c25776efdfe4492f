"""A slice is of an exchange and a group: an underlying, a share, or all of a market."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


# Until now every source was of NSE, and a day's shares were one slice that bore their exchange's name.
_STATEMENTS = (
    "truncate table audit.slices_to_build",
    "alter table audit.slices_to_build drop constraint slices_to_build_pkey",
    "alter table audit.slices_to_build rename column underlying to slice_group",
    "alter table audit.slices_to_build add column exchange text",
    """
    alter table audit.slices_to_build
    add primary key (model, instrument_type, exchange, slice_group, session_date)
    """,
    """
    comment on column audit.slices_to_build.slice_group is
    'Underlying, index or share; * for all of them in a file of a whole market'
    """,
    """
    do $$
    begin
        if to_regclass('intermediate.int_loads__slices') is not null then
            alter table intermediate.int_loads__slices drop constraint if exists int_loads__slices_pkey;
            alter table intermediate.int_loads__slices rename column underlying to slice_group;
            alter table intermediate.int_loads__slices add column exchange text;
            update intermediate.int_loads__slices
            set exchange = case instrument_type when 'equity' then slice_group else 'NSE' end,
                slice_group = case instrument_type when 'equity' then '*' else slice_group end;
        end if;
    end
    $$
    """,
)
