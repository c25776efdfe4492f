"""The exchange is a part of the key of Greeks, of their slices and of the surface."""

from alembic import op

revision = "0018"
down_revision = "0017"

_KEYS = {
    "greeks_slices": "exchange, underlying, session_date, bar_interval",
    "greeks_due": "exchange, underlying, session_date, bar_interval",
    "volatility_fits": "exchange, underlying, session_date, bar_interval, expiry",
    "volatility_nodes": "exchange, underlying, session_date, bar_interval, tenor_days, delta",
}
_OF_CONTRACTS = ("option_greeks", "option_greeks_coarse")


def upgrade() -> None:
    """Apply."""
    for table in (*_KEYS, *_OF_CONTRACTS):
        # A constant is kept once for all rows that are there, compressed ones too: none is written.
        op.execute(f"alter table enrichment.{table} add column exchange text default 'NSE'")
        op.execute(f"alter table enrichment.{table} alter column exchange drop default")
    op.execute(_ROWS_OF_OTHER_EXCHANGES)
    for table, key in _KEYS.items():
        op.execute(f"alter table enrichment.{table} drop constraint {table}_pkey, add primary key ({key})")
        op.execute(f"comment on table enrichment.{table} is '{_COMMENTS[table]}'")
    # The code that lists the slices reads this view before the next build has replaced it, and the view of an
    # older build has no exchange. No view of the project reads it; one of somebody else's stops this.
    op.execute("drop view if exists intermediate.greeks_slices_due")


# Nearly all that was ever priced is of NSE; what is not, the registry of contracts says, of each contract and
# so of each underlying. Slices of an underlying that it has at several exchanges were mixed: they stay with
# NSE. All slices are due at the next build, whose rules are others.
_ROWS_OF_OTHER_EXCHANGES = f"""
    do $$
    declare
        changed text;
    begin
        if to_regclass('intermediate.int_contracts__registered') is null then
            return;
        end if;
        create temporary table contracts_elsewhere on commit drop as
        select contract_id, min(exchange) as exchange
        from intermediate.int_contracts__registered
        group by contract_id
        having bool_and(exchange <> 'NSE');
        create temporary table underlyings_elsewhere on commit drop as
        select underlying, min(exchange) as exchange
        from intermediate.int_contracts__registered
        where instrument_type = 'option'
        group by underlying
        having bool_and(exchange <> 'NSE');
        if not exists (select from contracts_elsewhere) then
            return;
        end if;
        set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0;
        foreach changed in array array['{"', '".join(_OF_CONTRACTS)}'] loop
            execute format(
                'update enrichment.%I as greeks set exchange = elsewhere.exchange'
                ' from contracts_elsewhere as elsewhere where greeks.contract_id = elsewhere.contract_id',
                changed
            );
        end loop;
        foreach changed in array array['{"', '".join(_KEYS)}'] loop
            execute format(
                'update enrichment.%I as slices set exchange = elsewhere.exchange'
                ' from underlyings_elsewhere as elsewhere where slices.underlying = elsewhere.underlying',
                changed
            );
        end loop;
    end
    $$
"""

_COMMENTS = {
    "greeks_slices": "Which version of the inputs each slice of Greeks was computed from",
    "greeks_due": "Slices whose Greeks may not be of today''s inputs; one row per exchange, underlying,"
    " session and bar interval",
    "volatility_fits": "SVI fitted to the smiles of daily slices; one row per exchange, underlying, session,"
    " interval and expiry",
    "volatility_nodes": "Fits at fixed tenors and deltas; one row per exchange, underlying, session,"
    " interval, tenor and delta",
}
