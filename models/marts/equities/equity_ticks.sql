with

bars as (

    select * from {{ ref('int_bars__deduped') }}
    where
        instrument_type = 'equity'
        and bar_interval < interval '1 day'
        and is_preferred
        and is_finest

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

equity_ticks as (

    select
        -- ids
        bars.underlying as symbol,
        bars.exchange,

        -- times
        bars.bar_interval,
        bars.bar_start,
        bars.bar_end,
        bars.session_date,
        bars.is_regular,

        -- prices and quantities
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.bid,
        bars.ask,
        bars.volume,
        bars.adjusted_for,

        -- provenance
        bars.source,
        bars.load_id,
        {{ line_of_file('bars') }} as line

    from bars
    left join loads on bars.load_id = loads.load_id

)

select * from equity_ticks
