with

-- read twice: if they were materialized, they would be read whole, whatever the caller asks for
official as not materialized (

    select * from {{ ref('int_equities__official_deduped') }}
    where is_preferred

),

vendor_days as not materialized (

    select * from {{ ref('int_bars__deduped') }}
    where instrument_type = 'equity' and bar_interval = interval '1 day' and adjusted_for = 'none' and is_preferred

),

built as (

    select * from {{ ref('int_equities__bars_daily') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'cash'

),

official_days as (

    select
        symbol,
        exchange,
        series,
        isin,
        session_date,
        bar_start,
        bar_end,
        'official' as source,
        true as is_preferred,
        is_traded,
        open,
        high,
        low,
        close,
        last_price,
        previous_close,
        average_price,
        volume,
        turnover,
        trades,
        delivered_volume
    from official

),

days_of_vendors as (

    select
        vendor_days.underlying as symbol,
        vendor_days.exchange,
        null::text as series,
        null::text as isin,
        vendor_days.session_date,
        vendor_days.bar_start,
        vendor_days.bar_end,
        'daily bars' as source,
        not exists (
            select 1 from official
            where
                official.exchange = vendor_days.exchange
                and official.symbol = vendor_days.underlying
                and official.session_date = vendor_days.session_date
        ) as is_preferred,
        true as is_traded,
        vendor_days.open,
        vendor_days.high,
        vendor_days.low,
        vendor_days.close,
        null::numeric as last_price,
        null::numeric as previous_close,
        null::numeric as average_price,
        vendor_days.volume,
        vendor_days.quote_volume as turnover,
        vendor_days.trade_count as trades,
        null::numeric as delivered_volume
    from vendor_days

),

built_days as (

    select
        built.underlying as symbol,
        built.exchange,
        null::text as series,
        null::text as isin,
        built.session_date,
        {{ bounds_of_session('built') }},
        'intraday bars' as source,
        not exists (
            select 1 from official
            where
                official.exchange = built.exchange
                and official.symbol = built.underlying
                and official.session_date = built.session_date
        ) and not exists (
            select 1 from vendor_days
            where
                vendor_days.exchange = built.exchange
                and vendor_days.underlying = built.underlying
                and vendor_days.session_date = built.session_date
        ) as is_preferred,
        true as is_traded,
        built.open,
        built.high,
        built.low,
        built.close,
        null::numeric as last_price,
        null::numeric as previous_close,
        null::numeric as average_price,
        built.volume,
        null::numeric as turnover,
        null::bigint as trades,
        null::numeric as delivered_volume
    from built
    left join sessions on built.exchange = sessions.exchange and built.session_date = sessions.session_date
    left join exchanges on built.exchange = exchanges.exchange

),

days as (

    select * from official_days
    union all
    select * from days_of_vendors
    union all
    select * from built_days

),

equity_daily as (

    select
        -- ids
        symbol,
        exchange,
        series,
        isin,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- which of a day's rows
        source,
        is_preferred,

        -- prices
        is_traded,
        open,
        high,
        low,
        close,
        last_price,
        previous_close,
        average_price,

        -- quantities
        volume,
        turnover,
        trades,
        delivered_volume

    from days

)

select * from equity_daily
