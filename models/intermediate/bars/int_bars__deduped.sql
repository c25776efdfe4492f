{{ config(
    materialized='hypertable',
    indexes=[{'columns': ['exchange', 'underlying', 'session_date']}],
    meta={
        'built_from': 'slices', 'shapes': ['bars'],
        'instrument_types': all_instrument_types(),
        'slice_key': 'underlying', 'chunk_interval': '30 days',
        'segment_by': 'instrument_id', 'order_by': 'bar_interval, bar_start, bar_end, session_date, source',
    },
) }}

with

rows_of_bars as (

    select * from {{ ref('int_bars__identified') }}
    where
        {{ rows_to_build() }}
        and not is_minute_bar
        and quarantine_reason is null

),

-- The numbers of what is no contract, by its name.
instruments as (

    {{ numbers_of_instruments() | indent(4) }}

),

delivered as (

    select
        rows_of_bars.*,
        coalesce(rows_of_bars.contract_id, instruments.instrument_id) as instrument_id
    from rows_of_bars
    left join instruments
        on rows_of_bars.exchange = instruments.exchange
        and rows_of_bars.instrument_type = instruments.instrument_type
        and rows_of_bars.underlying = instruments.symbol

),

{{ dedupe('bars', ['instrument_id', 'bar_interval', 'adjusted_for', 'bar_start'], group='underlying') }},

-- How much of its session each length covers, by bars of regular hours that tell their range. A whole day stands beside
-- them, and is the finest only where it is alone.
covered as (

    select
        winners.*,
        sum(
            case
                when is_regular and is_preferred and high is not null and bar_interval < interval '1 day'
                    then extract(epoch from bar_end - bar_start)
                else 0
            end
        ) over (partition by instrument_id, adjusted_for, session_date, bar_interval) as seconds_covered
    from winners

),

compared as (

    select
        covered.*,
        max(seconds_covered) over (partition by instrument_id, adjusted_for, session_date) as most_covered
    from covered

)

select
    instrument_id,
    instrument_type,
    exchange,
    underlying,
    expiry,
    bar_interval,
    adjusted_for,
    session_date,
    bar_start,
    bar_end,
    hour_start,
    open,
    high,
    low,
    close,
    bid,
    ask,
    volume,
    open_interest,
    quote_volume,
    trade_count,
    vendor_implied_volatility,
    source,
    is_regular,
    is_preferred,
    -- whoever adds bars up takes one length of a session: the finest that covers half of what the best one does
    bar_interval = min(bar_interval) filter (where seconds_covered * 2 >= most_covered) over (
        partition by instrument_id, adjusted_for, session_date
    ) as is_finest,
    load_id,
    line
from compared
