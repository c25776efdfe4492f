"""The ledger of loads, what the builds remember, and the Greeks."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""
    for statement in (*_SCHEMAS, *_AUDIT, *_ENRICHMENT):
        op.execute(statement)


_SCHEMAS = (
    "create extension if not exists timescaledb",
    "create schema if not exists raw",
    "create schema if not exists audit",
    "create schema if not exists enrichment",
    "comment on schema raw is 'What the vendors wrote, as text, with load and line'",
    "comment on schema audit is 'What was loaded, what was refused, what was built from which load'",
    "comment on schema enrichment is 'Results of the Python models, read by dbt as sources'",
)

_AUDIT = (
    """
    create table audit.loads (
        load_id bigint generated always as identity primary key,
        source text not null,
        dataset text not null,
        uri text not null,
        sha256 text,
        bytes bigint,
        rows bigint not null default 0,
        rejected bigint not null default 0,
        layout text,
        raw_table text,
        first_line bigint,
        header_lines int,
        options jsonb not null default '{}',
        started_at timestamptz not null,
        finished_at timestamptz not null,
        status text not null check (status in ('loaded', 'empty', 'failed')),
        error text,
        unloaded_at timestamptz
    )
    """,
    "create index loads_by_uri on audit.loads (source, dataset, uri, load_id)",
    """
    create view audit.current_loads as
    select distinct on (source, dataset, uri) *
    from audit.loads
    where status in ('loaded', 'empty') and unloaded_at is null
    order by source, dataset, uri, load_id desc
    """,
    """
    create table audit.rejects (
        load_id bigint references audit.loads,
        line bigint,
        text text,
        reason text not null,
        primary key (load_id, line)
    )
    """,
    "create table audit.built_loads (model text, load_id bigint, primary key (model, load_id))",
    """
    create table audit.loads_to_build (
        model text,
        load_id bigint,
        change text not null check (change in ('added', 'removed', 'kept')),
        primary key (model, load_id)
    )
    """,
    """
    create table audit.slices_to_build (
        model text,
        instrument_type text,
        underlying text,
        session_date date,
        primary key (model, instrument_type, underlying, session_date)
    )
    """,
    "comment on table audit.loads is 'One row per attempt to land a file, in the transaction of its rows'",
    "comment on view audit.current_loads is 'The load that each file (source, dataset, uri) stands at now'",
    "comment on table audit.rejects is 'One row per line of a file that could not be landed'",
    "comment on table audit.built_loads is 'Which loads a dbt model has taken in'",
    "comment on table audit.loads_to_build is 'Filled and emptied inside the transaction of a dbt model'",
    "comment on table audit.slices_to_build is 'Filled and emptied inside the transaction of a dbt model'",
)

_ENRICHMENT = (
    """
    create table enrichment.option_greeks (
        contract_id bigint,
        bar_interval text check (bar_interval in ('minute', 'hour', 'built day', 'day')),
        bar_start timestamptz,
        bar_end timestamptz,
        session_date date,
        underlying text,
        premium numeric,
        underlying_price numeric,
        interest_rate double precision,
        years_to_expiry double precision,
        implied_volatility double precision,
        delta double precision,
        gamma double precision,
        theta double precision,
        vega double precision,
        rho double precision,
        greeks_status text not null,
        primary key (contract_id, bar_start, bar_interval)
    )
    """,
    """
    select create_hypertable(
        'enrichment.option_greeks', by_range('bar_start', interval '7 days'), create_default_indexes => false
    )
    """,
    """
    create table enrichment.greeks_slices (
        underlying text,
        session_date date,
        bar_interval text,
        inputs_version text not null,
        rows bigint not null,
        primary key (underlying, session_date, bar_interval)
    )
    """,
    """
    comment on table enrichment.option_greeks is
    'Greeks with the inputs they were computed from; one row per contract, interval and bar'
    """,
    """
    comment on table enrichment.greeks_slices is
    'Which version of the inputs each slice of option_greeks was computed from'
    """,
)
