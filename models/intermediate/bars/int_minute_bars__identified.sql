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

identified as (

    select
        -- ids
        bars.vendor_symbol,
        symbols.contract_id,
        symbols.exchange,
        symbols.instrument_type,
        symbols.underlying,
        symbols.expiry,

        -- times
        bars.session_date,
        bars.bar_start,
        bars.bar_end,
        -- hours are counted from the open of the session, and by the clock where its hours are not known
        date_bin(
            '1 hour', bars.bar_start, coalesce(sessions.opens_at, timestamptz '2000-01-01 00:00+00')
        ) as hour_start,
        coalesce(bars.bar_start >= sessions.opens_at and bars.bar_end <= sessions.closes_at, true) as is_regular,

        -- prices
        bars.open,
        bars.high,
        bars.low,
        bars.close,

        -- quantities
        bars.volume,
        bars.open_interest,

        -- judgement
        coalesce(
            bars.quarantine_reason,
            case
                when symbols.vendor_symbol is null then 'symbol is missing'
                when symbols.unknown_reason is not null then symbols.unknown_reason
                when sessions.session_date is null and symbols.exchange <> '' then 'no session on this date'
                when
                    (bars.bar_start < sessions.opens_at or bars.bar_end > sessions.closes_at)
                    and sessions.has_other_hours is not true
                    then 'outside the session'
                when bars.session_date > symbols.expiry then 'after the expiry of the contract'
                when bars.bar_interval <> interval '1 minute'
                    then 'no mart holds bars of this length: ' || bars.bar_interval
                when bars.adjusted_for <> 'none' then 'no mart holds bars adjusted for ' || bars.adjusted_for
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
    left join sessions
        on symbols.exchange = sessions.exchange
        and bars.session_date = sessions.session_date
        and case symbols.instrument_type when 'index' then 'index' else 'fo' end = sessions.segment

)

select * from identified
