with

udiff_rows as (

    select * from {{ source('raw_nse', 'nse_cash_bhavcopy_udiff') }}

),

full_rows as (

    select * from {{ source('raw_nse', 'nse_cash_bhavcopy_full') }}

),

legacy_rows as (

    select * from {{ source('raw_nse', 'nse_cash_bhavcopy_legacy') }}

),

-- The three layouts as text columns of the same names; one of them has a blank behind every comma, and people save
-- copies.
texts as (

    select
        'udiff' as layout,
        1 as file_rank,
        btrim({{ key_text('tckr_symb') }}) as symbol,
        btrim({{ key_text('scty_srs') }}) as series,
        btrim({{ key_text('isin') }}) as isin,
        btrim(trad_dt) as trade_date,
        btrim(opn_pric) as open,
        btrim(hgh_pric) as high,
        btrim(lw_pric) as low,
        btrim(cls_pric) as close,
        btrim(last_pric) as last_price,
        btrim(prvs_clsg_pric) as previous_close,
        null as average_price,
        btrim(ttl_tradg_vol) as volume,
        btrim(ttl_trf_val) as turnover,
        1 as turnover_unit,
        btrim(ttl_nb_of_txs_exctd) as trades,
        null as delivered_volume,
        case
            {{ keys_too_long({'tckr_symb': 'symbol', 'scty_srs': 'series', 'isin': 'ISIN'}) -}}
            when btrim(sgmt) = 'FO' then 'derivative row: load it with tickmart load nse-bhavcopy'
            when coalesce(btrim(sgmt), '') <> 'CM' or coalesce(btrim(fin_instrm_tp), '') <> 'STK'
                then 'unknown instrument type'
        end as refusal,
        _load_id as load_id,
        _line as line
    from udiff_rows
    union all
    select
        'full' as layout,
        2 as file_rank,
        btrim({{ key_text('symbol') }}) as symbol,
        btrim({{ key_text('series') }}) as series,
        null as isin,
        btrim(date1) as trade_date,
        btrim(open_price) as open,
        btrim(high_price) as high,
        btrim(low_price) as low,
        btrim(close_price) as close,
        btrim(last_price) as last_price,
        btrim(prev_close) as previous_close,
        btrim(avg_price) as average_price,
        btrim(ttl_trd_qnty) as volume,
        btrim(turnover_lacs) as turnover,
        100000 as turnover_unit,
        btrim(no_of_trades) as trades,
        nullif(btrim(deliv_qty), '-') as delivered_volume,
        case {{ keys_too_long({'symbol': 'symbol', 'series': 'series'}) -}} end as refusal,
        _load_id as load_id,
        _line as line
    from full_rows
    union all
    select
        'legacy' as layout,
        3 as file_rank,
        btrim({{ key_text('symbol') }}) as symbol,
        btrim({{ key_text('series') }}) as series,
        btrim({{ key_text('isin') }}) as isin,
        btrim(timestamp) as trade_date,
        btrim(open) as open,
        btrim(high) as high,
        btrim(low) as low,
        btrim(close) as close,
        btrim(last) as last_price,
        btrim(prevclose) as previous_close,
        null as average_price,
        btrim(tottrdqty) as volume,
        btrim(tottrdval) as turnover,
        1 as turnover_unit,
        btrim(totaltrades) as trades,
        null as delivered_volume,
        case {{ keys_too_long({'symbol': 'symbol', 'series': 'series', 'isin': 'ISIN'}) -}} end as refusal,
        _load_id as load_id,
        _line as line
    from legacy_rows

),

typed as (

    select
        -- ids
        'NSE' as exchange,
        texts.symbol,
        texts.series,
        nullif(texts.isin, '') as isin,

        -- times
        cells.session_date,

        -- prices: open, high, low and close belong to trades, so an untraded day has none
        cells.volume > 0 as is_traded,
        case when cells.volume > 0 then cells.open end as open,
        case when cells.volume > 0 then cells.high end as high,
        case when cells.volume > 0 then cells.low end as low,
        case when cells.volume > 0 then cells.close end as close,
        nullif(cells.last_price, 0) as last_price,
        nullif(cells.previous_close, 0) as previous_close,
        nullif(cells.average_price, 0) as average_price,

        -- quantities, in shares and rupees
        cells.volume,
        cells.turnover * texts.turnover_unit as turnover,
        cells.trades,
        cells.delivered_volume,

        -- judgement
        texts.file_rank,
        case
            when texts.refusal is not null then texts.refusal
            when coalesce(texts.symbol, '') = '' then 'symbol is missing'
            when coalesce(texts.series, '') = '' then 'series is missing'
            when cells.session_date is null then {{ no_date('texts.trade_date', "'impossible trade date'") }}
            when cells.volume is null then {{ no_count('texts.volume', 'volume') | indent(12) }}
            when least(cells.volume, cells.delivered_volume, cells.trades, cells.turnover, cells.last_price) < 0
                then 'negative volume, trades or price'
            when texts.delivered_volume is not null and cells.delivered_volume is null
                then {{ no_count('texts.delivered_volume', 'delivered volume') | indent(16) }}
            when cells.delivered_volume > cells.volume then 'more delivered than traded'
            when coalesce(texts.turnover, '') <> '' and cells.turnover is null then 'turnover is not a number'
            when
                cells.volume > 0
                and (cells.open is null or cells.high is null or cells.low is null or cells.close is null)
                then 'traded, but a price is missing or no number'
            when cells.volume > 0 and least(cells.open, cells.high, cells.low, cells.close) <= 0
                then 'traded, but a price is not above zero'
            when cells.volume > 0 and cells.high < cells.low then 'high below low'
        end as quarantine_reason,

        -- provenance
        texts.load_id,
        texts.line

    from texts
    cross join lateral (
        select
            case texts.layout
                when 'udiff' then ({{ vendor_date('texts.trade_date', order='yyyy-mm-dd', load='texts.load_id') }})
                else ({{ vendor_date('texts.trade_date', order='dd-mon-yyyy', load='texts.load_id') }})
            end as session_date,
            {{ vendor_number('texts.open') }} as open,
            {{ vendor_number('texts.high') }} as high,
            {{ vendor_number('texts.low') }} as low,
            {{ vendor_number('texts.close') }} as close,
            {{ vendor_number('texts.last_price') }} as last_price,
            {{ vendor_number('texts.previous_close') }} as previous_close,
            {{ vendor_number('texts.average_price') }} as average_price,
            {{ vendor_number('texts.turnover') }} as turnover,
            {{ vendor_quantity('texts.volume') }} as volume,
            {{ vendor_count('texts.trades') }} as trades,
            {{ vendor_quantity('texts.delivered_volume') }} as delivered_volume
        from (select 1) as once
        offset 0
    ) as cells

)

select * from typed
