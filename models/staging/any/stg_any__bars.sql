with

{{ anybodys_rows(
    'any_bars',
    ['open', 'high', 'low', 'close', 'price', 'bid', 'ask', 'volume', 'quote_volume', 'open_interest', 'vendor_implied_volatility'],
    texts=['trade_count'],
) }},

dated as (

    select
        rows_as_read.*,
        (moment at time zone session_zone)::date as local_date,
        bar_interval >= interval '1 day' as is_of_days
    from rows_as_read

),

-- Days, weeks and months are of the calendar, and one that is called by its last day ends with that. A file of one
-- price at a time gives the close of bars whose open, high and low nobody told.
bounded as (

    select
        dated.*,
        coalesce(close, price) as last_price,
        coalesce(nullif(close_text, ''), price_text) as last_price_text,
        case
            when is_of_days and label = 'start' then local_date::timestamp at time zone session_zone
            when is_of_days then (local_date + interval '1 day' - bar_interval) at time zone session_zone
            when label = 'start' then moment
            else moment + after_label - bar_interval
        end as bar_start,
        case
            when is_of_days and label = 'start' then (local_date + bar_interval) at time zone session_zone
            when is_of_days then (local_date + interval '1 day') at time zone session_zone
            when label = 'start' then moment + bar_interval
            else moment + after_label
        end as bar_end,
        -- a day is called by its date, whenever its session opens
        case when is_of_days then interval '0' else evening end as evening_before
    from dated

),

typed as (

    select
        -- ids
        dialect,
        exchange,
        vendor_symbol,
        vendor_expiry,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,

        -- times
        coalesce(to_char((bar_start at time zone session_zone) + evening_before, 'YYYY-MM-DD'), left(time_text, 40), '')
            as vendor_date,
        ((bar_start at time zone session_zone) + evening_before)::date as session_date,
        bar_interval,
        bar_start,
        bar_end,

        -- prices
        open,
        high,
        low,
        last_price as close,
        bid,
        ask,
        adjusted_for,

        -- quantities, in units
        volume,
        open_interest,
        quote_volume,
        ({{ vendor_count('trade_count') }})::bigint as trade_count,

        -- volatility
        (
            case when vendor_implied_volatility > 0 then vendor_implied_volatility end
            / case when is_percent then 100 else 1 end
        )::double precision as vendor_implied_volatility,

        -- judgement
        coalesce(
            id_reason,
            time_reason,
            case
                when last_price is null and last_price_text = '' then 'missing price'
                when last_price is null then 'price is not a number'
                when states_range and '' in (open_text, high_text, low_text) then 'missing price'
                when states_range and (open is null or high is null or low is null) then 'price is not a number'
                when volume_text <> '' and volume is null then 'volume is not a number'
                when open_interest_text <> '' and open_interest is null then 'open interest is not a number'
                when least(open, high, low, last_price) <= 0 then 'price is not above zero'
                when high < low then 'high below low'
                when high < greatest(open, last_price) or low > least(open, last_price)
                    then 'open or close outside low to high'
                when volume < 0 or open_interest < 0 then 'negative volume or open interest'
            end
        ) as quarantine_reason,

        -- provenance
        load_id,
        line

    from bounded

)

select * from typed
