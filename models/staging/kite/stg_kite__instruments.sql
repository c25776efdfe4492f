with

raw_rows as (

    select * from {{ source('raw_kite', 'kite_instruments') }}

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

typed as (

    select
        -- ids: contracts have the names that NSE gives them; nobody reads the symbols of other exchanges
        case when listed.exchange = 'NSE' then 'nse' end as dialect,
        {{ key_text('raw_rows.tradingsymbol') }} as vendor_symbol,
        to_char(cells.expiry, 'YYYY-MM-DD') as vendor_expiry,
        {{ vendor_token('raw_rows.instrument_token') }} as instrument_token,
        {{ vendor_token('raw_rows.exchange_token') }} as exchange_token,
        listed.exchange,
        case
            when raw_rows.instrument_type in ('CE', 'PE') then 'option'
            when raw_rows.instrument_type = 'FUT' then 'future'
            when raw_rows.segment = 'INDICES' then 'index'
            else 'equity'
        end as instrument_type,
        named.underlying,
        cells.expiry,
        case when raw_rows.instrument_type in ('CE', 'PE') then cells.strike end as strike,
        case when raw_rows.instrument_type in ('CE', 'PE') then raw_rows.instrument_type end as option_type,

        -- times
        cells.as_of as session_date,

        -- terms: 0 stands where an instrument has none
        nullif(cells.lot_size, 0) as lot_size,
        nullif(cells.tick_size, 0) as tick_size,

        -- judgement
        case
            {{ keys_too_long({
                'raw_rows.tradingsymbol': 'symbol', 'raw_rows.name': 'name', 'raw_rows.exchange': 'exchange',
            }) -}}
            when coalesce(btrim(raw_rows.tradingsymbol), '') = '' then 'symbol is missing'
            when raw_rows.lot_size is not null and cells.lot_size is null
                then {{ no_count('raw_rows.lot_size', 'lot size') | indent(16) }}
            when cells.lot_size < 0 then 'negative lot size'
            when raw_rows.tick_size is not null and cells.tick_size is null then 'tick size is not a number'
            when raw_rows.instrument_type in ('CE', 'PE', 'FUT')
                then case
                    when raw_rows.exchange in ('BFO', 'BSE') then 'contract of another exchange'
                    when named.underlying is null then 'underlying is missing'
                    when cells.expiry is null
                        then {{ no_date(
                            'raw_rows.expiry', "'impossible expiry date: ' || left(coalesce(raw_rows.expiry, ''), 20)"
                        ) }}
                    when cells.expiry < cells.as_of then 'expired before the day of the list'
                    when raw_rows.instrument_type <> 'FUT' and coalesce(cells.strike, 0) <= 0
                        then 'option without a strike'
                    -- brokers have swapped the two, and given ticks in paise; only futures on shares above 20,000 have
                    -- a tick of five rupees (fyers.in notice of 2025-03-17)
                    when coalesce(cells.lot_size, 0) < 1 then 'contract without a lot size'
                    when
                        cells.tick_size > 5
                        or (
                            cells.tick_size = 5
                            and (raw_rows.instrument_type <> 'FUT' or raw_rows.tradingsymbol ~ 'NIFTY|SENSEX|BANKEX')
                        )
                        then 'tick size of five rupees or more: in paise, or swapped with the lot'
                    when
                        coalesce(raw_rows.exchange, 'NFO') in ('NFO', 'NSE')
                        and {{ contradicts_symbol(
                            'raw_rows.tradingsymbol', 'named.underlying', 'cells.expiry', 'cells.strike',
                            'raw_rows.instrument_type',
                        ) | indent(24) }}
                        then 'symbol differs from the terms in the row'
                end
        end as quarantine_reason,

        -- provenance
        raw_rows._load_id as load_id,
        raw_rows._line as line

    from raw_rows
    inner join loads on raw_rows._load_id = loads.load_id
    cross join
        lateral (
            select
                (loads.options ->> 'as_of')::date as as_of,
                ({{ vendor_date('raw_rows.expiry', order='dd-mm-yyyy', load='raw_rows._load_id') }}) as expiry,
                {{ vendor_number('raw_rows.strike') }} as strike,
                {{ vendor_number('raw_rows.tick_size') }} as tick_size,
                {{ vendor_count('raw_rows.lot_size', digits=7) }} as lot_size
            from (select 1) as once
            offset 0
        ) as cells
    cross join
        lateral (
            select
                case
                    when raw_rows.exchange in ('NFO', 'NSE') or raw_rows.exchange is null then 'NSE'
                    when raw_rows.exchange in ('BFO', 'BSE') then 'BSE'
                    else {{ key_text('raw_rows.exchange') }}
                end as exchange
        ) as listed
    -- the excerpt has no column for the underlying, but its symbols begin with it
    cross join lateral (
        select
            coalesce(
                nullif(btrim({{ key_text('raw_rows.name') }}), ''),
                (regexp_match(
                    {{ key_text('raw_rows.tradingsymbol') }},
                    '^([A-Z0-9&-]+?)\d\d(?:(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)|[1-9OND]\d\d)'
                    || '(?:\d+(?:\.\d+)?(?:CE|PE)|FUT)$'
                ))[1]
            ) as underlying
    ) as named

)

select * from typed
