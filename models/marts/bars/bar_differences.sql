with

bars as not materialized (

    select * from {{ ref('market_data') }}

),

-- The bar that counts beside the same bar of another source.
paired as (

    select
        bars.symbol,
        bars.exchange,
        bars.instrument_type,
        bars.bar_interval,
        bars.adjusted_for,
        bars.session_date,
        bars.bar_start,
        bars.bar_end,
        bars.source,
        beside.source as other_source,
        bars.open,
        beside.open as other_open,
        bars.high,
        beside.high as other_high,
        bars.low,
        beside.low as other_low,
        bars.close,
        beside.close as other_close,
        bars.volume,
        beside.volume as other_volume,
        -- arrays, because NULL equals NULL in them
        array[bars.open, bars.high, bars.low, bars.close]
        <> array[beside.open, beside.high, beside.low, beside.close] as differs_in_price,
        bars.volume <> beside.volume as differs_in_volume,
        bars.load_id,
        bars.line,
        beside.load_id as other_load_id,
        beside.line as other_line
    from bars
    inner join bars as beside
        on bars.symbol = beside.symbol
        and bars.exchange = beside.exchange
        and bars.instrument_type = beside.instrument_type
        and bars.bar_interval = beside.bar_interval
        and bars.adjusted_for = beside.adjusted_for
        and bars.bar_start = beside.bar_start
        and bars.session_date = beside.session_date
    where bars.is_preferred and not beside.is_preferred

)

select * from paired
