with

-- read twice: kept as one query's worth of rows, it would be read whole, whatever the caller asks for
built as not materialized (

    select * from {{ ref('int_spot__prices_daily') }}

),

official as not materialized (

    select * from {{ ref('int_spot__official_daily') }}
    where close is not null

),

sessions as not materialized (

    select * from {{ ref('int_sessions__dated') }}
    where exchange = 'NSE' and segment = 'index'

),

built_days as (

    select
        built.underlying as symbol,
        built.session_date,
        'minute bars' as source,
        -- the bhavcopy knows the index's close alone: the whole bar goes first
        true as is_preferred,
        built.open,
        built.high,
        built.low,
        built.close,
        coalesce(sessions.opens_at, built.bar_start) as bar_start,
        coalesce(sessions.closes_at, built.bar_start + interval '1 day') as bar_end
    from built
    left join sessions on built.session_date = sessions.session_date

),

official_days as (

    select
        official.underlying as symbol,
        official.session_date,
        'official' as source,
        built.underlying is null as is_preferred,
        null::numeric as open,
        null::numeric as high,
        null::numeric as low,
        official.close,
        coalesce(sessions.opens_at, official.bar_start) as bar_start,
        coalesce(sessions.closes_at, official.bar_start + interval '1 day') as bar_end
    from official
    left join built on official.underlying = built.underlying and official.session_date = built.session_date
    left join sessions on official.session_date = sessions.session_date

),

spot_daily as (

    select * from built_days
    union all
    select * from official_days

)

select * from spot_daily
