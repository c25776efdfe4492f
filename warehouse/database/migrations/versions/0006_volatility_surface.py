"""Fitted smiles and the nodes of the volatility surface, beside the Greeks that they are made from."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    create table if not exists enrichment.volatility_fits (
        underlying text,
        session_date date,
        bar_interval text check (bar_interval in ('built day', 'day')),
        expiry date,
        bar_end timestamptz not null,
        years_to_expiry double precision,
        forward_price double precision,
        fit_status text not null,
        strikes int not null,
        traded_strikes int not null,
        lowest_strike double precision,
        highest_strike double precision,
        lowest_log_moneyness double precision,
        highest_log_moneyness double precision,
        a double precision,
        b double precision,
        rho double precision,
        m double precision,
        sigma double precision,
        rmse double precision,
        weighted_rmse double precision,
        worst_error double precision,
        lowest_g double precision,
        nearer_expiry date,
        calendar_margin double precision,
        is_free_of_butterfly_arbitrage boolean,
        is_free_of_calendar_arbitrage boolean,
        primary key (underlying, session_date, bar_interval, expiry)
    )
    """,
    """
    create table if not exists enrichment.volatility_nodes (
        underlying text,
        session_date date,
        bar_interval text check (bar_interval in ('built day', 'day')),
        tenor_days int,
        delta double precision,
        bar_end timestamptz not null,
        earlier_expiry date,
        later_expiry date,
        forward_price double precision,
        strike double precision,
        log_moneyness double precision,
        implied_volatility double precision,
        total_variance double precision,
        atm_implied_volatility double precision,
        is_extrapolated boolean,
        primary key (underlying, session_date, bar_interval, tenor_days, delta)
    )
    """,
    """
    comment on table enrichment.volatility_fits is
    'SVI fitted to the smiles of daily slices; one row per underlying, session, interval and expiry'
    """,
    """
    comment on table enrichment.volatility_nodes is
    'Fits at fixed tenors and deltas; one row per underlying, session, interval, tenor and delta'
    """,
    # Slices computed before have no surface: this makes them due, once.
    """
    update enrichment.greeks_slices set inputs_version = 'before the volatility surface'
    where bar_interval in ('built day', 'day')
    """,
)
