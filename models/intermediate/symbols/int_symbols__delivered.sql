with

keys as (

    select * from {{ ref('int_loads__keys') }}
    where
        load_id = any({{ loads_to_build('int_symbols__parsed') }})
        and vendor_symbol is not null
        and vendor_expiry is not null
        and states_contract

),

-- A symbol alone, whose grammar gives the parts.
texts as (

    select
        dialect,
        exchange,
        vendor_symbol,
        vendor_expiry,
        min(session_date) as first_session,
        min(load_id) as load_id
    from keys
    where not states_parts
    group by dialect, exchange, vendor_symbol, vendor_expiry

),

read_texts as (

    select
        dialect,
        vendor_symbol,
        vendor_expiry,
        exchange,
        false as states_parts,
        null::text as instrument_type,
        null::text as underlying,
        ({{ vendor_date('vendor_expiry') }}) as expiry,
        null::numeric as strike,
        null::text as option_type,
        first_session,
        load_id
    from texts

),

-- Parts in columns of their own: what most rows say counts, not one wrong cell.
read_columns as (

    select
        keys.dialect,
        keys.vendor_symbol,
        keys.vendor_expiry,
        keys.exchange,
        true as states_parts,
        mode() within group (order by keys.instrument_type) as instrument_type,
        mode() within group (order by keys.underlying) as underlying,
        mode() within group (order by keys.expiry) as expiry,
        mode() within group (order by keys.strike) as strike,
        mode() within group (order by keys.option_type) as option_type,
        min(keys.session_date) as first_session,
        min(keys.load_id) as load_id
    from keys
    cross join generate_series(1, keys.rows) as each_row
    where keys.states_parts
    group by keys.dialect, keys.vendor_symbol, keys.vendor_expiry, keys.exchange

),

delivered as (

    select * from read_texts
    union all
    select * from read_columns

)

select * from delivered
