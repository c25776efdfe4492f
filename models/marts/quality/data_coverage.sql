with

option_days as (

    select
        contract_id,
        session_date,
        bars
    from {{ ref('int_options__bars_daily') }}

),

future_days as (

    select
        contract_id,
        session_date,
        bars
    from {{ ref('int_futures__bars_daily') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}

),

-- Whole-market files list everything each day, traded or not: a file that lacks much, or was cut, leaves gaps.
incomplete_sessions as (

    select * from {{ ref('int_sessions__incomplete') }}

),

found as (

    select
        contracts.exchange,
        contracts.underlying,
        contracts.instrument_type,
        'minute' as bar_interval,
        days.session_date,
        count(*) as contracts,
        sum(days.bars)::bigint as bars,
        max(days.bars) as most_bars
    from (
        select * from option_days
        union all
        select * from future_days
    ) as days
    inner join contracts on days.contract_id = contracts.contract_id
    group by contracts.exchange, contracts.underlying, contracts.instrument_type, days.session_date
    union all
    select
        exchange,
        underlying,
        'index' as instrument_type,
        'minute' as bar_interval,
        session_date,
        1 as contracts,
        bars,
        bars as most_bars
    from {{ ref('int_spot__prices_daily') }}
    union all
    select
        exchange,
        underlying,
        instrument_type,
        'day' as bar_interval,
        session_date,
        count(*) as contracts,
        count(*) filter (where is_traded) as bars,
        1 as most_bars
    from {{ ref('int_fo_bhavcopy__deduped') }}
    where is_preferred
    group by exchange, underlying, instrument_type, session_date
    union all
    select
        exchange,
        underlying,
        'index' as instrument_type,
        'day' as bar_interval,
        session_date,
        1 as contracts,
        1 as bars,
        1 as most_bars
    from {{ ref('int_spot__closes_deduped') }}
    where is_preferred
    union all
    -- there are thousands of shares: one row stands for all shares of an exchange, and bears the exchange's name
    select
        exchange,
        exchange as underlying,
        'equity' as instrument_type,
        'day' as bar_interval,
        session_date,
        count(*) as contracts,
        count(*) filter (where is_traded) as bars,
        1 as most_bars
    from {{ ref('int_equities__official_deduped') }}
    where is_preferred
    group by exchange, session_date

),

spans as (

    select
        exchange,
        underlying,
        instrument_type,
        bar_interval,
        min(session_date) as first_session,
        max(session_date) as last_session
    from found
    group by exchange, underlying, instrument_type, bar_interval

),

expected as (

    select
        spans.exchange,
        spans.underlying,
        spans.instrument_type,
        spans.bar_interval,
        sessions.session_date,
        sessions.kind as session_kind,
        sessions.is_provisional,
        case spans.bar_interval
            when 'minute' then (extract(epoch from sessions.closes_at - sessions.opens_at) / 60)::integer
            else 1
        end as session_bars
    from spans
    inner join sessions
        on spans.exchange = sessions.exchange
        and sessions.session_date between spans.first_session and spans.last_session
        and sessions.segment
        = case spans.instrument_type when 'index' then 'index' when 'equity' then 'cash' else 'fo' end

),

data_coverage as (

    select
        expected.underlying,
        expected.exchange,
        expected.instrument_type,
        expected.bar_interval,
        expected.session_date,
        expected.session_kind,
        coalesce(found.contracts, 0) as contracts,
        coalesce(found.bars, 0) as bars,
        expected.session_bars,
        greatest(expected.session_bars - coalesce(found.most_bars, 0), 0)::integer as missing_bars,
        case
            when found.bars is null then 'missing'
            when found.most_bars < expected.session_bars or incomplete_sessions.session_date is not null then 'gaps'
            else 'complete'
        end as coverage,
        expected.is_provisional
    from expected
    left join found
        on expected.exchange = found.exchange
        and expected.underlying = found.underlying
        and expected.instrument_type = found.instrument_type
        and expected.bar_interval = found.bar_interval
        and expected.session_date = found.session_date
    left join incomplete_sessions
        on expected.bar_interval = 'day'
        and expected.exchange = incomplete_sessions.exchange
        and case expected.instrument_type when 'equity' then '*' else expected.underlying end
        = incomplete_sessions.underlying
        and expected.instrument_type = incomplete_sessions.instrument_type
        and expected.session_date = incomplete_sessions.session_date

)

select * from data_coverage
