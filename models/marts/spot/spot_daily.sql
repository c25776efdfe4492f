with

-- read twice: if it were materialized, it would be read whole, whatever the caller asks for
built as not materialized (

    select * from {{ ref('int_spot__prices_daily') }}

),

official as not materialized (

    select * from {{ ref('int_spot__official_daily') }}
    where close is not null

),

-- The exchange's file of indices has the whole bar; its F&O file has only the close.
index_file as not materialized (

    select * from {{ ref('int_spot__closes_deduped') }}
    where is_preferred

),

exchanges as not materialized (

    select * from {{ ref('exchanges') }}

),

sessions as not materialized (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'index'

),

whole_days as (

    select
        underlying as symbol,
        exchange,
        session_date,
        'official' as source,
        true as is_preferred,
        open,
        high,
        low,
        close,
        price_to_earnings,
        price_to_book,
        dividend_yield,
        bar_start,
        bar_end
    from index_file

),

built_days as (

    select
        built.underlying as symbol,
        built.exchange,
        built.session_date,
        'minute bars' as source,
        index_file.underlying is null as is_preferred,
        built.open,
        built.high,
        built.low,
        built.close,
        null::numeric as price_to_earnings,
        null::numeric as price_to_book,
        null::numeric as dividend_yield,
        {{ bounds_of_session('built') }}
    from built
    left join index_file
        on built.exchange = index_file.exchange
        and built.underlying = index_file.underlying
        and built.session_date = index_file.session_date
    left join sessions on built.exchange = sessions.exchange and built.session_date = sessions.session_date
    left join exchanges on built.exchange = exchanges.exchange

),

days_of_a_close as (

    select
        official.underlying as symbol,
        official.exchange,
        official.session_date,
        'official' as source,
        -- a close alone goes behind a whole bar
        built.underlying is null as is_preferred,
        null::numeric as open,
        null::numeric as high,
        null::numeric as low,
        official.close,
        null::numeric as price_to_earnings,
        null::numeric as price_to_book,
        null::numeric as dividend_yield,
        {{ bounds_of_session('official') }}
    from official
    left join index_file
        on official.exchange = index_file.exchange
        and official.underlying = index_file.underlying
        and official.session_date = index_file.session_date
    left join built
        on official.exchange = built.exchange
        and official.underlying = built.underlying
        and official.session_date = built.session_date
    left join sessions on official.exchange = sessions.exchange and official.session_date = sessions.session_date
    left join exchanges on official.exchange = exchanges.exchange
    where index_file.underlying is null

),

spot_daily as (

    select * from whole_days
    union all
    select * from built_days
    union all
    select * from days_of_a_close

)

select * from spot_daily
