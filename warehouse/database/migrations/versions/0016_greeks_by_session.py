"""Greeks are found by session and end of bar too, those of days lie apart, and due slices are a list."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    # Views of the project read the table, and would find no Greeks of days any more; they go, and come back
    # with the next build. Somebody else's view would not come back.
    """
    do $$
    declare
        left_behind text;
    begin
        with recursive above as (
            select moved.relation::oid as relation
            from unnest(array[
                to_regclass('enrichment.option_greeks'), to_regclass('intermediate.greeks_slices_due')
            ]) as moved (relation)
            where moved.relation is not null
            union
            select rules.ev_class
            from above
            inner join pg_depend as uses
                on uses.refobjid = above.relation and uses.classid = 'pg_rewrite'::regclass
            inner join pg_rewrite as rules on uses.objid = rules.oid
        )
        select string_agg(above.relation::regclass::text, ', ' order by above.relation::regclass::text)
        into left_behind
        from above
        inner join pg_class on pg_class.oid = above.relation
        where relkind in ('v', 'm')
            and relnamespace::regnamespace::text not in ('staging', 'intermediate', 'marts');
        if left_behind is not null then
            raise exception 'the Greeks move to other tables, and the marts come back with the next build,'
                ' but these views would not: %. Nothing was done. Drop them, and make them again afterwards.',
                left_behind;
        end if;
    end
    $$
    """,
    "alter table enrichment.option_greeks rename to option_greeks_before",
    "alter index enrichment.option_greeks_pkey rename to option_greeks_before_pkey",
    "create table enrichment.option_greeks (like enrichment.option_greeks_before)",
    "create table enrichment.option_greeks_coarse (like enrichment.option_greeks_before)",
    """
    alter table enrichment.option_greeks
    add primary key (contract_id, bar_start, bar_end, session_date, bar_interval),
    add constraint option_greeks_bar_interval_check check (bar_interval in ('minute', 'snapshot'))
    """,
    """
    alter table enrichment.option_greeks_coarse
    add primary key (contract_id, bar_start, session_date, bar_interval),
    add constraint option_greeks_coarse_bar_interval_check
    check (bar_interval in ('hour', 'built day', 'day'))
    """,
    """
    select create_hypertable(
        'enrichment.option_greeks', by_range('bar_start', interval '7 days'), create_default_indexes => false
    )
    """,
    "select add_dimension('enrichment.option_greeks', by_range('session_date', interval '7 days'))",
    "select add_dimension('enrichment.option_greeks', by_range('bar_end', interval '7 days'))",
    """
    create index on enrichment.option_greeks using brin (bar_start, bar_end, session_date)
    with (autosummarize = on)
    """,
    """
    select create_hypertable(
        'enrichment.option_greeks_coarse', by_range('bar_start', interval '180 days'),
        create_default_indexes => false
    )
    """,
    "select add_dimension('enrichment.option_greeks_coarse', by_range('session_date', interval '180 days'))",
    "create index on enrichment.option_greeks_coarse (session_date)",
    # Chunk by chunk: the bounds are literals, and a chunk that is compressed is read as the table reads it.
    """
    do $$
    declare
        chunk record;
    begin
        for chunk in
            select range_start, range_end from timescaledb_information.chunks
            where hypertable_schema = 'enrichment' and hypertable_name = 'option_greeks_before'
            order by range_start
        loop
            execute format(
                'insert into enrichment.option_greeks'
                ' select * from enrichment.option_greeks_before'
                ' where bar_start >= %1$L and bar_start < %2$L'
                ' and bar_interval in (''minute'', ''snapshot'')'
                ' order by session_date, contract_id, bar_start',
                chunk.range_start, chunk.range_end
            );
            execute format(
                'insert into enrichment.option_greeks_coarse'
                ' select * from enrichment.option_greeks_before'
                ' where bar_start >= %1$L and bar_start < %2$L'
                ' and bar_interval not in (''minute'', ''snapshot'')'
                ' order by session_date, contract_id, bar_start',
                chunk.range_start, chunk.range_end
            );
        end loop;
    end
    $$
    """,
    "drop table enrichment.option_greeks_before cascade",
    # The code that lists the slices reads this view before the next build has replaced it, and the view of an
    # older build has other columns.
    "drop view if exists intermediate.greeks_slices_due cascade",
    """
    create table enrichment.greeks_due (
        underlying text,
        session_date date,
        bar_interval text,
        has_same_rules boolean not null default true,
        has_new_rows boolean not null default false,
        listed_by xid8 not null default pg_current_xact_id(),
        primary key (underlying, session_date, bar_interval)
    )
    """,
    # Those that are not due leave the list at the end of the next build.
    """
    insert into enrichment.greeks_due (underlying, session_date, bar_interval)
    select underlying, session_date, bar_interval from enrichment.greeks_slices
    """,
    """
    comment on table enrichment.greeks_due is
    'Slices whose Greeks may not be of today''s inputs; one row per underlying, session and bar interval'
    """,
    """
    comment on column enrichment.greeks_due.has_same_rules is
    'Whether today''s rules are those that the stored Greeks were computed by'
    """,
    """
    comment on column enrichment.greeks_due.has_new_rows is
    'Whether the rows that the Greeks are computed from were built anew, perhaps from the same loads'
    """,
    """
    comment on column enrichment.greeks_due.listed_by is
    'The last transaction that changed the inputs: Greeks of what was read before it leave the slice here'
    """,
    """
    comment on table enrichment.option_greeks is
    'Greeks of minutes and snapshots with what they are computed from; one row per contract, interval and bar'
    """,
    """
    comment on table enrichment.option_greeks_coarse is
    'Greeks of hours and days with what they are computed from; one row per contract, interval and bar'
    """,
)
