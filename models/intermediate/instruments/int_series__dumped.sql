{{ config(
    materialized='by_load',
    meta={'built_from': 'ledger', 'shapes': ['instruments'], 'keeps': 'current loads'},
) }}

-- depends_on: {{ ref('int_loads__slices') }}

with

instruments as (

    select * from {{ ref('int_instruments__delivered') }}
    where
        load_id = any({{ loads_to_build() }})
        and quarantine_reason is null
        and instrument_type in ('option', 'future')

),

-- Strikes of one expiry share lot and tick; where a row differs, what most say counts.
series as (

    select
        load_id,
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date,
        mode() within group (order by lot_size) as lot_size,
        mode() within group (order by tick_size) as tick_size,
        count(*) as contracts
    from instruments
    where underlying is not null
    group by load_id, exchange, underlying, instrument_type, expiry, session_date

)

select * from series
