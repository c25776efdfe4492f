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
        others.source as other_source,
        bars.open,
        others.open as other_open,
        bars.high,
        others.high as other_high,
        bars.low,
        others.low as other_low,
        bars.close,
        others.close as other_close,
        bars.volume,
        others.volume as other_volume,
        -- arrays, because NULL equals NULL in them
        array[bars.open, bars.high, bars.low, bars.close]
        <> array[others.open, others.high, others.low, others.close] as differs_in_price,
        bars.volume <> others.volume as differs_in_volume,
        bars.load_id,
        bars.line,
        others.load_id as other_load_id,
        others.line as other_line
    from bars
    inner join bars as others
        on bars.symbol = others.symbol
        and bars.exchange = others.exchange
        and bars.instrument_type = others.instrument_type
        and bars.bar_interval = others.bar_interval
        and bars.adjusted_for = others.adjusted_for
        and bars.bar_start = others.bar_start
        and bars.session_date = others.session_date
    where bars.is_preferred and not others.is_preferred

)

select * from paired
