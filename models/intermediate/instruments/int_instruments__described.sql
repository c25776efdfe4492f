{%- set has_its_number = "rows_of.instrument_id = others.instrument_id" -%}
{%- set is_index = "others.instrument_type = 'index'"
    ~ " and rows_of.exchange = others.exchange and rows_of.underlying = others.symbol" -%}
{%- set is_share = "others.instrument_type = 'equity'"
    ~ " and rows_of.exchange = others.exchange and rows_of.symbol = others.symbol and rows_of.series = others.series" -%}

with

registered as (

    select * from {{ ref('int_instruments__registered') }}

),

-- One of all the names that files have for an instrument.
others as (

    select
        instrument_id,
        exchange,
        instrument_type,
        symbol,
        series
    from registered
    group by instrument_id, exchange, instrument_type, symbol, series

),

-- First and last sessions one by one from the indexes: a view that groups the days would read them all.
lives as (

    select
        others.*,
        life.first_session,
        life.last_session,
        newest.isin
    from others
    cross join
        lateral (
            select
                min(ends.session_date) as first_session,
                max(ends.session_date) as last_session
            from (
                {{ ends_of_rows(ref('int_spot__prices_deduped'), is_index) }}
                union all
                {{ ends_of_rows(ref('int_spot__closes_deduped'), is_index) }}
                union all
                {{ ends_of_rows(ref('int_spot__official_daily'), is_index, order_by='session_date') }}
                union all
                {{ ends_of_rows(ref('int_equities__official_deduped'), is_share) }}
                union all
                {{ ends_of_rows(ref('int_bars__deduped'), has_its_number) }}
                union all
                {{ ends_of_rows(ref('int_trades__deduped'), has_its_number, order_by='timestamp') }}
                union all
                {{ ends_of_rows(ref('int_quotes__deduped'), has_its_number, order_by='timestamp') }}
            ) as ends
        ) as life
    left join lateral (
        select rows_of_share.isin
        from {{ ref('int_equities__official_deduped') }} as rows_of_share
        where
            others.instrument_type = 'equity'
            and others.exchange = rows_of_share.exchange
            and others.symbol = rows_of_share.symbol
            and others.series = rows_of_share.series
            and rows_of_share.isin is not null
        order by rows_of_share.bar_start desc, rows_of_share.is_preferred desc, rows_of_share.source asc
        limit 1
    ) as newest on true
    -- an id outlives the loads that brought it; without them there is nothing to say of the instrument
    where life.last_session is not null

),

described as (

    select
        contract_id as instrument_id,
        symbol,
        instrument_type,
        exchange,
        null::text as series,
        null::text as isin,
        exchange_symbol,
        underlying,
        expiry,
        strike,
        option_type,
        tick_size,
        lot_size,
        contract_multiplier,
        first_session,
        last_session,
        expires_at
    from {{ ref('int_contracts__last_known') }}
    union all
    select
        instrument_id,
        symbol,
        instrument_type,
        exchange,
        nullif(series, '') as series,
        isin,
        null::text as exchange_symbol,
        null::text as underlying,
        null::date as expiry,
        null::numeric as strike,
        null::text as option_type,
        null::numeric as tick_size,
        null::integer as lot_size,
        case instrument_type when 'equity' then 1 end::numeric as contract_multiplier,
        first_session,
        last_session,
        null::timestamptz as expires_at
    from lives

)

select * from described
