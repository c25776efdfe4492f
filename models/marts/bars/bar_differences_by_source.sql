with

paired as (

    select * from {{ ref('bar_differences') }}

),

counted as (

    select
        symbol,
        exchange,
        instrument_type,
        bar_interval,
        adjusted_for,
        source,
        other_source,
        min(session_date) as first_session,
        max(session_date) as last_session,
        count(*) as bars,
        count(*) filter (where differs_in_price) as differing_in_price,
        count(*) filter (where differs_in_volume) as differing_in_volume,
        max(abs(close - other_close)) as largest_difference_of_closes,
        avg(abs(close - other_close)) as mean_difference_of_closes,
        max(abs(close - other_close) / nullif(close, 0)) as largest_part_of_close
    from paired
    group by symbol, exchange, instrument_type, bar_interval, adjusted_for, source, other_source

)

select * from counted
