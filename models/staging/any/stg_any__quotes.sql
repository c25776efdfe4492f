with

{{ anybodys_rows('any_quotes', ['bid', 'ask', 'bid_size', 'ask_size']) }},

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
        coalesce(to_char((moment at time zone session_zone) + evening, 'YYYY-MM-DD'), left(time_text, 40), '')
            as vendor_date,
        ((moment at time zone session_zone) + evening)::date as session_date,
        moment as timestamp, -- noqa: RF04

        -- prices and sizes, in units; a side of which nothing is there is NULL
        nullif(bid, 0) as bid,
        bid_size,
        nullif(ask, 0) as ask,
        ask_size,

        -- judgement
        coalesce(
            id_reason,
            time_reason,
            case
                when bid_text <> '' and bid is null or ask_text <> '' and ask is null then 'price is not a number'
                when coalesce(bid, 0) = 0 and coalesce(ask, 0) = 0 then 'neither bid nor ask'
                when bid < 0 or ask < 0 then 'price is not above zero'
                when bid_size < 0 or ask_size < 0 then 'size is below zero'
            end
        ) as quarantine_reason,

        -- provenance
        load_id,
        line

    from rows_as_read

)

select * from typed
