{{ config(
    materialized='hypertable',
    indexes=[{'columns': ['symbol', 'session_date']}],
    meta={
        'built_from': 'slices', 'sources': ['nse-cash'], 'instrument_types': ['equity'],
        'slice_key': 'exchange', 'chunk_interval': '60 days', 'order_by': 'symbol, series, bar_start',
    },
) }}

with

official as (

    select * from {{ ref('int_cash_bhavcopy__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null

),

slices as (

    select * from {{ slices_to_build() }} as planned

),

ranked as (

    select
        official.*,
        row_number() over (
            partition by official.symbol, official.series, official.session_date
            order by official.layout_rank asc, official.load_id desc, official.line desc
        ) as precedence
    from official
    inner join slices
        on official.exchange = slices.underlying and official.session_date = slices.session_date

),

-- Only one of the layouts says what was delivered, and only the others have the ISIN: the best row that has them.
stated_elsewhere as (

    select
        symbol,
        series,
        session_date,
        (array_agg(isin order by precedence) filter (where isin is not null))[1] as isin,
        (array_agg(average_price order by precedence) filter (where average_price is not null))[1] as average_price,
        (array_agg(delivered_volume order by precedence) filter (where delivered_volume is not null))[1]
            as delivered_volume
    from ranked
    group by symbol, series, session_date

),

winners as (

    select
        ranked.exchange,
        ranked.symbol,
        ranked.series,
        stated_elsewhere.isin,
        ranked.session_date,
        ranked.bar_start,
        ranked.bar_end,
        ranked.is_traded,
        ranked.open,
        ranked.high,
        ranked.low,
        ranked.close,
        ranked.last_price,
        ranked.previous_close,
        stated_elsewhere.average_price,
        ranked.volume,
        ranked.turnover,
        ranked.trades,
        case when stated_elsewhere.delivered_volume <= ranked.volume then stated_elsewhere.delivered_volume end
            as delivered_volume,
        ranked.load_id,
        ranked.line
    from ranked
    inner join stated_elsewhere
        on ranked.symbol = stated_elsewhere.symbol
        and ranked.series = stated_elsewhere.series
        and ranked.session_date = stated_elsewhere.session_date
    where ranked.precedence = 1

)

select * from winners
