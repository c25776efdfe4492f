with

raw_rows as (

    select * from {{ source('raw_nse', 'nse_fo_bhavcopy_legacy') }}

),

typed as (

    select
        -- ids: the layout has no symbol, so the cells that identify the contract beside its expiry stand for it
        'nse legacy' as dialect,
        'NSE' as exchange,
        concat_ws(
            ' ', {{ key_text('raw_rows.instrument') }}, {{ key_text('raw_rows.symbol') }},
            trim_scale(cells.strike)::text, cells.option_type
        ) as vendor_symbol,
        case
            when raw_rows.expiry_dt is null then ''
            when octet_length(raw_rows.expiry_dt) <= {{ longest_key() }}
                then {{ date_text('raw_rows.expiry_dt', 'cells.expiry', order='dd-mon-yyyy') | indent(16) }}
        end as vendor_expiry,
        null::text as exchange_token,
        cells.underlying,
        case
            when raw_rows.instrument like 'OPT%' then 'option'
            when raw_rows.instrument like 'FUT%' then 'future'
        end as instrument_type,
        cells.expiry,
        cells.strike,
        cells.option_type,

        -- times
        cells.session_date,

        -- prices: open, high, low and close belong to trades, so an untraded day has none
        priced.is_traded,
        case when priced.is_traded then cells.open end as open,
        case when priced.is_traded then cells.high end as high,
        case when priced.is_traded then cells.low end as low,
        case when priced.is_traded then cells.close end as close,
        null::numeric as last_price,
        null::numeric as previous_close,
        cells.settlement_price,
        -- the day's rows of an expiring contract are settled at the value of the underlying, and only these rows state
        -- that value
        case when cells.expiry = cells.session_date then nullif(cells.settlement_price, 0) end as underlying_price,

        -- quantities: the layout counts lots and does not say their size (int_fo_bhavcopy__lots derives it)
        null::bigint as lot_size,
        cells.lots_traded,
        case when cells.lots_traded = 0 then 0 end::numeric as volume,
        cells.open_interest,
        cells.stated_change_in_open_interest,
        null::bigint as trades,
        {{ vendor_number('raw_rows.val_inlakh') }} * 100000 as turnover,

        -- judgement: the other layout carries the lot and more digits
        2 as file_rank,
        case
            {{ keys_too_long({
                'raw_rows.symbol': 'underlying', 'raw_rows.expiry_dt': 'expiry', 'raw_rows.option_typ': 'option type',
            }) -}}
            when cells.session_date is null then {{ no_date('raw_rows.timestamp', "'impossible trade date'") }}
            when cells.underlying is null then 'underlying is missing'
            when raw_rows.instrument like 'FUT%' and coalesce(btrim(raw_rows.option_typ), '') not in ('', 'XX')
                then 'future with an option type'
            when
                raw_rows.instrument is null
                or raw_rows.instrument !~ '^(OPT|FUT)(IDX|STK|IVX)$'
                then 'unknown instrument type'
            when cells.lots_traded is null then {{ no_count('raw_rows.contracts', 'volume') | indent(12) }}
            when raw_rows.open_int is not null and cells.open_interest is null
                then {{ no_count('raw_rows.open_int', 'open interest') | indent(16) }}
            when
                priced.is_traded
                and (cells.open is null or cells.high is null or cells.low is null or cells.close is null)
                then 'traded, but a price is missing or no number'
            when cells.settlement_price is null and raw_rows.settle_pr is not null
                then 'settlement price is not a number'
            when priced.is_traded and least(cells.open, cells.high, cells.low, cells.close) <= 0
                then 'traded, but a price is not above zero'
            when priced.is_traded and cells.high < cells.low then 'high below low'
            when cells.lots_traded < 0 or cells.open_interest < 0 then 'negative volume or open interest'
        end as quarantine_reason,

        -- provenance
        raw_rows._load_id as load_id,
        raw_rows._line as line

    from raw_rows
    cross join
        lateral (
            select
                nullif(btrim({{ key_text('raw_rows.symbol') }}), '') as underlying,
                ({{ vendor_date('raw_rows.expiry_dt', order='dd-mon-yyyy', load='raw_rows._load_id') }}) as expiry,
                (
                    {{ vendor_date('raw_rows.timestamp', order='dd-mon-yyyy', load='raw_rows._load_id') }}
                ) as session_date,
                case when raw_rows.instrument like 'OPT%' then {{ vendor_number('raw_rows.strike_pr') }} end as strike,
                case
                    when raw_rows.instrument like 'OPT%' then nullif({{ key_text('raw_rows.option_typ') }}, 'XX')
                end as option_type,
                {{ vendor_number('raw_rows.open') }} as open,
                {{ vendor_number('raw_rows.high') }} as high,
                {{ vendor_number('raw_rows.low') }} as low,
                {{ vendor_number('raw_rows.close') }} as close,
                {{ vendor_number('raw_rows.settle_pr') }} as settlement_price,
                {{ vendor_count('raw_rows.contracts', digits=9) }} as lots_traded,
                {{ vendor_quantity('raw_rows.open_int') }} as open_interest,
                {{ vendor_quantity('raw_rows.chg_in_oi') }} as stated_change_in_open_interest
            from (select 1) as once
            offset 0
        ) as cells
    -- A future may trade in the spread book alone, as one leg of a calendar spread: it then has lots, but no price of
    -- its own.
    cross join
        lateral (
            select
                cells.lots_traded > 0
                and (raw_rows.instrument like 'FUT%' and cells.open = 0 and cells.high = 0 and cells.low = 0)
                is not true as is_traded
            from (select 1) as once
            offset 0
        ) as priced

)

select * from typed
