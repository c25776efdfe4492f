with

raw_rows as (

    select * from {{ source('raw_gfdl', 'gfdl_minute_bars') }}

),

typed as (

    select
        -- ids: the files are of NSE's segments; a symbol of another exchange says so itself
        'gfdl' as dialect,
        'NSE' as exchange,
        {{ key_text('raw_rows.ticker') }} as vendor_symbol,
        -- nearly no file has the column
        case
            when raw_rows.expiry is null then ''
            when octet_length(raw_rows.expiry) <= {{ longest_key() }}
                then {{ date_text(
                    'raw_rows.expiry', '(' ~ vendor_date('raw_rows.expiry', load='raw_rows._load_id') ~ ')',
                    load='raw_rows._load_id',
                ) | indent(16) }}
        end as vendor_expiry,
        null::text as instrument_type,
        null::text as underlying,
        null::date as expiry,
        null::numeric as strike,
        null::text as option_type,

        -- times
        {{ date_text('raw_rows.date', 'cells.session_date', load='raw_rows._load_id') | indent(8) }} as vendor_date,
        cells.session_date,
        interval '1 minute' as bar_interval,
        cells.bar_end - interval '1 minute' as bar_start,
        cells.bar_end,

        -- prices
        cells.open,
        cells.high,
        cells.low,
        cells.close,
        null::numeric as bid,
        null::numeric as ask,
        'none' as adjusted_for,

        -- quantities, in units of the underlying
        cells.volume,
        cells.open_interest,
        null::numeric as quote_volume,
        null::bigint as trade_count,

        -- volatility
        null::double precision as vendor_implied_volatility,

        -- judgement
        case
            -- nearly every row is like this: it is spared the questions below
            when
                cells.bar_end is not null and cells.low > 0
                and cells.low <= cells.open and cells.low <= cells.close
                and cells.high >= cells.open and cells.high >= cells.close
                and cells.volume >= 0 and cells.open_interest >= 0 and raw_rows.padding_flag is null
                and octet_length(raw_rows.ticker) <= {{ longest_key() }}
                and coalesce(octet_length(raw_rows.expiry), 0) <= {{ longest_key() }}
                then null
            {{ keys_too_long({'raw_rows.ticker': 'symbol', 'raw_rows.expiry': 'expiry'}) -}}
            when cells.session_date is null then {{ no_date('raw_rows.date', "'impossible date or time'") }}
            when cells.bar_end is null
                then case
                    when raw_rows.time ~* '^\s*\d{1,2}:\d\d(?: ?[ap]m)?\s*$'
                        then 'time without seconds: ' || btrim(raw_rows.time)
                    else 'impossible date or time'
                end
            when cells.open is null or cells.high is null or cells.low is null or cells.close is null
                then case
                    when '' in (
                        coalesce(raw_rows.open, ''), coalesce(raw_rows.high, ''),
                        coalesce(raw_rows.low, ''), coalesce(raw_rows.close, '')
                    ) then 'missing price'
                    else 'price is not a number'
                end
            when raw_rows.volume is not null and cells.volume is null
                then {{ no_count('raw_rows.volume', 'volume') | indent(16) }}
            when raw_rows.open_interest is not null and cells.open_interest is null
                then {{ no_count('raw_rows.open_interest', 'open interest') | indent(16) }}
            when least(cells.open, cells.high, cells.low, cells.close) <= 0 then 'price is not above zero'
            when cells.high < cells.low then 'high below low'
            when
                cells.high < greatest(cells.open, cells.close) or cells.low > least(cells.open, cells.close)
                then 'open or close outside low to high'
            when cells.volume < 0 or cells.open_interest < 0 then 'negative volume or open interest'
            when lower(raw_rows.padding_flag) in ('1', 'y', 'yes', 't', 'true') then 'padded by the vendor, not traded'
        end as quarantine_reason,

        -- provenance
        raw_rows._load_id as load_id,
        raw_rows._line as line

    from raw_rows
    -- one evaluation per row: the planner would otherwise repeat every cast wherever its column is used
    cross join lateral (
        select
            day.session_date,
            case
                when
                    (
                        raw_rows.time like '__:__:59'
                        -- as spreadsheets write times: no leading zero, or hours up to twelve with am or pm
                        or raw_rows.time ~* '^\d{1,2}:\d\d:59(?: ?[ap]m)?$'
                    )
                    and pg_input_is_valid(raw_rows.time, 'time')
                    then (day.session_date + raw_rows.time::time) at time zone 'Asia/Kolkata' + interval '1 second'
            end as bar_end,
            {{ vendor_number('raw_rows.open') }} as open,
            {{ vendor_number('raw_rows.high') }} as high,
            {{ vendor_number('raw_rows.low') }} as low,
            {{ vendor_number('raw_rows.close') }} as close,
            {{ vendor_quantity('raw_rows.volume') }} as volume,
            {{ vendor_quantity('raw_rows.open_interest') }} as open_interest
        from ({{ vendor_date('raw_rows.date', load='raw_rows._load_id') }}) as day
        offset 0
    ) as cells

)

select * from typed
