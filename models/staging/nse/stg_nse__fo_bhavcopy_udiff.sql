with

raw_rows as (

    select * from {{ source('raw_nse', 'nse_fo_bhavcopy_udiff') }}

),

typed as (

    select
        -- ids
        'nse' as dialect,
        'NSE' as exchange,
        {{ key_text('raw_rows.fin_instrm_nm') }} as vendor_symbol,
        case
            when raw_rows.xpry_dt is null then ''
            when octet_length(raw_rows.xpry_dt) <= {{ longest_key() }}
                then {{ date_text('raw_rows.xpry_dt', 'cells.expiry', order='yyyy-mm-dd') | indent(16) }}
        end as vendor_expiry,
        {{ vendor_token('raw_rows.fin_instrm_id') }} as exchange_token,
        cells.underlying,
        case raw_rows.fin_instrm_tp
            when 'IDO' then 'option'
            when 'STO' then 'option'
            when 'IDF' then 'future'
            when 'STF' then 'future'
        end as instrument_type,
        cells.expiry,
        cells.strike,
        case when raw_rows.fin_instrm_tp in ('IDO', 'STO') then {{ key_text('raw_rows.optn_tp') }} end as option_type,

        -- times
        cells.session_date,

        -- prices: open, high, low and close belong to trades, so an untraded day has none
        priced.is_traded,
        case when priced.is_traded then cells.open end as open,
        case when priced.is_traded then cells.high end as high,
        case when priced.is_traded then cells.low end as low,
        case when priced.is_traded then cells.close end as close,
        nullif(cells.last_price, 0) as last_price,
        nullif(cells.previous_close, 0) as previous_close,
        -- 0.00 is the exchange's theoretical price of far options, not a missing one
        cells.settlement_price,
        nullif(cells.underlying_price, 0) as underlying_price,

        -- quantities, in units of the underlying
        cells.lot_size,
        cells.lots_traded,
        (cells.lots_traded * cells.lot_size)::numeric as volume,
        cells.open_interest,
        cells.stated_change_in_open_interest,
        {{ vendor_count('raw_rows.ttl_nb_of_txs_exctd') }} as trades,
        {{ vendor_number('raw_rows.ttl_trf_val') }} as turnover,

        -- judgement: this layout carries the lot and more digits, so its files go first
        1 as file_rank,
        case
            {{ keys_too_long({
                'raw_rows.fin_instrm_nm': 'symbol', 'raw_rows.tckr_symb': 'underlying', 'raw_rows.xpry_dt': 'expiry',
                'raw_rows.optn_tp': 'option type',
            }) -}}
            when cells.session_date is null then {{ no_date('raw_rows.trad_dt', "'impossible trade date'") }}
            when raw_rows.sgmt = 'CM' then 'cash market row: load it with tickmart load nse-cash'
            when raw_rows.fin_instrm_tp is null or raw_rows.fin_instrm_tp not in ('IDO', 'STO', 'IDF', 'STF')
                then 'unknown instrument type'
            when cells.underlying is null then 'underlying is missing'
            when raw_rows.fin_instrm_tp in ('IDF', 'STF') and coalesce(btrim(raw_rows.optn_tp), '') not in ('', 'XX')
                then 'future with an option type'
            when cells.lots_traded is null then {{ no_count('raw_rows.ttl_tradg_vol', 'volume') | indent(12) }}
            when cells.lot_size is null or cells.lot_size <= 0 then 'lot size is not a whole number above zero'
            when raw_rows.opn_intrst is not null and cells.open_interest is null
                then {{ no_count('raw_rows.opn_intrst', 'open interest') | indent(16) }}
            when
                priced.is_traded
                and (cells.open is null or cells.high is null or cells.low is null or cells.close is null)
                then 'traded, but a price is missing or no number'
            when cells.settlement_price is null and raw_rows.sttlm_pric is not null
                then 'settlement price is not a number'
            when priced.is_traded and least(cells.open, cells.high, cells.low, cells.close) <= 0
                then 'traded, but a price is not above zero'
            when priced.is_traded and cells.high < cells.low then 'high below low'
            when cells.lots_traded < 0 or cells.open_interest < 0 then 'negative volume or open interest'
            when
                {{ contradicts_symbol(
                    'raw_rows.fin_instrm_nm', 'cells.underlying', 'cells.expiry', 'cells.strike',
                    "case when raw_rows.fin_instrm_tp in ('IDF', 'STF') then 'FUT' else raw_rows.optn_tp end",
                ) | indent(16) }}
                then 'symbol differs from the terms in the row'
        end as quarantine_reason,

        -- provenance
        raw_rows._load_id as load_id,
        raw_rows._line as line

    from raw_rows
    cross join
        lateral (
            select
                nullif(btrim({{ key_text('raw_rows.tckr_symb') }}), '') as underlying,
                ({{ vendor_date('raw_rows.xpry_dt', order='yyyy-mm-dd', load='raw_rows._load_id') }}) as expiry,
                case
                    when raw_rows.fin_instrm_tp in ('IDO', 'STO') then {{ vendor_number('raw_rows.strk_pric') }}
                end as strike,
                ({{ vendor_date('raw_rows.trad_dt', order='yyyy-mm-dd', load='raw_rows._load_id') }}) as session_date,
                {{ vendor_number('raw_rows.opn_pric') }} as open,
                {{ vendor_number('raw_rows.hgh_pric') }} as high,
                {{ vendor_number('raw_rows.lw_pric') }} as low,
                {{ vendor_number('raw_rows.cls_pric') }} as close,
                {{ vendor_number('raw_rows.last_pric') }} as last_price,
                {{ vendor_number('raw_rows.prvs_clsg_pric') }} as previous_close,
                {{ vendor_number('raw_rows.sttlm_pric') }} as settlement_price,
                {{ vendor_number('raw_rows.undrlyg_pric') }} as underlying_price,
                {{ vendor_count('raw_rows.new_brd_lot_qty', digits=7) }} as lot_size,
                {{ vendor_count('raw_rows.ttl_tradg_vol', digits=9) }} as lots_traded,
                {{ vendor_quantity('raw_rows.opn_intrst') }} as open_interest,
                {{ vendor_quantity('raw_rows.chng_in_opn_intrst') }} as stated_change_in_open_interest
            from (select 1) as once
            offset 0
        ) as cells
    -- A future may trade in the spread book alone, as one leg of a calendar spread: it then has lots, but no price of
    -- its own.
    cross join
        lateral (
            select
                cells.lots_traded > 0
                and (raw_rows.fin_instrm_tp in ('IDF', 'STF') and cells.open = 0 and cells.high = 0 and cells.low = 0)
                is not true as is_traded
            from (select 1) as once
            offset 0
        ) as priced

)

select * from typed
