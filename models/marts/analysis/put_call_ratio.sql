with

-- read twice, and each time no more of it than the caller asks for
options as not materialized (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        bar_end,
        expiry,
        option_type,
        volume,
        open_interest,
        -- the exchange counts the strike into an option's turnover
        turnover - strike * volume as traded_value
    from {{ ref('options_daily') }}
    where is_preferred

),

-- sessions whose file lacks contracts: the sums from that file are not those of the exchange
incomplete_sessions as (

    select * from {{ ref('int_sessions__incomplete') }}
    where instrument_type = 'option'

),

of_each_expiry as (

    select
        underlying,
        exchange,
        'expiry' as scope,
        expiry,
        session_date,
        bar_start,
        max(bar_end) as bar_end,
        {{ known_sum('volume', "option_type = 'CE'") }} as call_volume,
        {{ known_sum('volume', "option_type = 'PE'") }} as put_volume,
        {{ known_sum('open_interest', "option_type = 'CE'") }} as call_open_interest,
        {{ known_sum('open_interest', "option_type = 'PE'") }} as put_open_interest,
        {{ known_sum('traded_value', "option_type = 'CE'") }} as call_traded_value,
        {{ known_sum('traded_value', "option_type = 'PE'") }} as put_traded_value
    from options
    group by underlying, exchange, session_date, bar_start, expiry

),

of_all_expiries as (

    select
        underlying,
        exchange,
        'all expiries' as scope,
        null::date as expiry,
        session_date,
        bar_start,
        max(bar_end) as bar_end,
        {{ known_sum('volume', "option_type = 'CE'") }} as call_volume,
        {{ known_sum('volume', "option_type = 'PE'") }} as put_volume,
        {{ known_sum('open_interest', "option_type = 'CE'") }} as call_open_interest,
        {{ known_sum('open_interest', "option_type = 'PE'") }} as put_open_interest,
        {{ known_sum('traded_value', "option_type = 'CE'") }} as call_traded_value,
        {{ known_sum('traded_value', "option_type = 'PE'") }} as put_traded_value
    from options
    group by underlying, exchange, session_date, bar_start

),

sums as (

    select * from of_each_expiry
    union all
    select * from of_all_expiries

),

known_sums as (

    select
        sums.underlying,
        sums.exchange,
        sums.scope,
        sums.expiry,
        sums.session_date,
        sums.bar_start,
        sums.bar_end,
        case when incomplete_sessions.session_date is null then sums.call_volume end as call_volume,
        case when incomplete_sessions.session_date is null then sums.put_volume end as put_volume,
        case when incomplete_sessions.session_date is null then sums.call_open_interest end as call_open_interest,
        case when incomplete_sessions.session_date is null then sums.put_open_interest end as put_open_interest,
        case when incomplete_sessions.session_date is null then sums.call_traded_value end as call_traded_value,
        case when incomplete_sessions.session_date is null then sums.put_traded_value end as put_traded_value
    from sums
    left join incomplete_sessions
        on sums.underlying = incomplete_sessions.underlying
        and sums.exchange = incomplete_sessions.exchange
        and sums.session_date = incomplete_sessions.session_date

),

put_call_ratio as (

    select
        -- ids
        underlying,
        exchange,
        scope,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- ratios of puts to calls
        (put_volume / nullif(call_volume, 0))::double precision as volume_ratio,
        (put_open_interest / nullif(call_open_interest, 0))::double precision as open_interest_ratio,
        (put_traded_value / nullif(call_traded_value, 0))::double precision as traded_value_ratio,

        -- what they are ratios of
        call_volume,
        put_volume,
        call_open_interest,
        put_open_interest,
        call_traded_value,
        put_traded_value

    from known_sums

)

select * from put_call_ratio
