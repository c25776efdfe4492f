with

bars as (

    select * from {{ ref('int_bars__delivered') }}

),

symbols as (

    select * from {{ ref('int_symbols__identified') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

identified as (

    select
        -- ids
        bars.vendor_symbol,
        symbols.contract_id,
        symbols.exchange,
        symbols.instrument_type,
        symbols.underlying,
        symbols.expiry,

        -- Which table the bar belongs to goes by what the source states alone, so that the planner leaves out sources
        -- that have no such bars.
        (
            bars.bar_interval = interval '1 minute'
            and bars.adjusted_for = 'none'
            and coalesce(bars.instrument_type in ('option', 'future', 'index'), true)
        ) as is_minute_bar,
        bars.bar_interval,
        bars.adjusted_for,

        -- times: a bar of a whole day is of its session
        bars.session_date,
        coalesce(
            case when bars.bar_interval = interval '1 day' then sessions.opens_at end, bars.bar_start
        ) as bar_start,
        -- the last bar of a session ends with it
        case
            when bars.bar_interval = interval '1 day' then coalesce(sessions.closes_at, bars.bar_end)
            when
                bars.bar_interval > interval '1 minute'
                and bars.bar_interval < interval '1 day'
                and bars.bar_start < sessions.closes_at
                then least(bars.bar_end, sessions.closes_at)
            else bars.bar_end
        end as bar_end,
        -- hours are counted from the open of the session, and by the clock where its hours are not known
        date_bin(
            '1 hour', bars.bar_start, coalesce(sessions.opens_at, timestamptz '2000-01-01 00:00+00')
        ) as hour_start,
        bars.bar_interval >= interval '1 day'
        or coalesce(
            bars.bar_start >= sessions.opens_at
            and (
                bars.bar_end <= sessions.closes_at
                or (bars.bar_interval > interval '1 minute' and bars.bar_start < sessions.closes_at)
            ),
            true
        ) as is_regular,

        -- prices
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.bid,
        bars.ask,

        -- quantities
        bars.volume,
        bars.open_interest,
        bars.quote_volume,
        bars.trade_count,

        -- volatility
        bars.vendor_implied_volatility,

        -- judgement
        coalesce(
            bars.quarantine_reason,
            case
                when symbols.vendor_symbol is null then 'symbol is missing'
                when symbols.unknown_reason is not null then symbols.unknown_reason
                when sessions.session_date is null and symbols.exchange <> '' and bars.bar_interval <= interval '1 day'
                    then 'no session on this date'
                when
                    (
                        bars.bar_start < sessions.opens_at
                        or bars.bar_start >= sessions.closes_at
                        or (bars.bar_end > sessions.closes_at and bars.bar_interval <= interval '1 minute')
                    )
                    and bars.bar_interval < interval '1 day'
                    and sessions.has_other_hours is not true
                    then 'outside the session'
                when bars.session_date > symbols.expiry then 'after the expiry of the contract'
            end
        ) as quarantine_reason,

        -- provenance
        bars.load_id,
        bars.line

    from bars
    left join symbols
        on bars.dialect = symbols.dialect
        and bars.vendor_symbol = symbols.vendor_symbol
        -- a case, because another equality makes the planner expect a hundredth of the rows and hash the bars
        and case when bars.vendor_expiry = symbols.vendor_expiry then true else false end -- noqa: ST02
    left join exchanges on symbols.exchange = exchanges.exchange
    left join sessions
        on symbols.exchange = sessions.exchange
        and bars.session_date = sessions.session_date
        and {{ segment_of('symbols.instrument_type') }} = sessions.segment

)

select * from identified
