{{ config(
    materialized='hypertable',
    indexes=[{'columns': ['symbol', 'session_date']}],
    meta={
        'built_from': 'slices', 'shapes': ['share_days'], 'instrument_types': ['equity'],
        'slice_key': 'symbol', 'chunk_interval': '180 days',
        'segment_by': 'exchange', 'order_by': 'symbol, series, bar_start, session_date, source',
    },
) }}

with

delivered as (

    select * from {{ ref('int_cash_bhavcopy__identified') }}
    where {{ rows_to_build() }} and quarantine_reason is null

),

{{ dedupe(
    'share_days', ['exchange', 'symbol', 'series', 'session_date'], group='symbol', of_whole_markets=true,
    file_rank=true,
) }},

-- One of a source's layouts says what was delivered, the others have the ISIN: each is from the best row that has it.
stated_elsewhere as (

    select
        source,
        exchange,
        symbol,
        series,
        session_date,
        (array_agg(isin order by precedence) filter (where isin is not null))[1] as isin,
        (array_agg(average_price order by precedence) filter (where average_price is not null))[1] as average_price,
        (array_agg(delivered_volume order by precedence) filter (where delivered_volume is not null))[1]
            as delivered_volume
    from ranked
    group by source, exchange, symbol, series, session_date

),

official as (

    select
        winners.exchange,
        winners.symbol,
        winners.series,
        stated_elsewhere.isin,
        winners.session_date,
        winners.bar_start,
        winners.bar_end,
        winners.is_traded,
        winners.open,
        winners.high,
        winners.low,
        winners.close,
        winners.last_price,
        winners.previous_close,
        stated_elsewhere.average_price,
        winners.volume,
        winners.turnover,
        winners.trades,
        case when stated_elsewhere.delivered_volume <= winners.volume then stated_elsewhere.delivered_volume end
            as delivered_volume,
        winners.source,
        winners.is_preferred,
        winners.load_id,
        winners.line
    from winners
    inner join stated_elsewhere
        on winners.source = stated_elsewhere.source
        and winners.exchange = stated_elsewhere.exchange
        and winners.symbol = stated_elsewhere.symbol
        and winners.series = stated_elsewhere.series
        and winners.session_date = stated_elsewhere.session_date

)

select * from official
