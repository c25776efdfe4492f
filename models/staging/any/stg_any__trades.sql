with

{{ anybodys_rows('any_trades', ['price', 'close', 'size'], texts=['side', 'is_buyer_maker', 'trade_id']) }},

sided as (

    select
        rows_as_read.*,
        coalesce(price, close) as traded_at,
        coalesce(nullif(price_text, ''), close_text) as traded_at_text,
        lower(btrim(side)) as side_word,
        lower(btrim(is_buyer_maker)) as maker_word
    from rows_as_read

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
        {{ key_text("nullif(btrim(trade_id), '')") }} as trade_id,

        -- times
        coalesce(to_char((moment at time zone session_zone) + evening, 'YYYY-MM-DD'), left(time_text, 40), '')
            as vendor_date,
        ((moment at time zone session_zone) + evening)::date as session_date,
        moment as timestamp, -- noqa: RF04

        -- price and size, in units
        traded_at as price,
        size,
        -- who took the other side's offer; where the buyer's order lay in the book, the seller did
        case
            when side_word in ('buy', 'b', 'bid', 'buyer', '1') or maker_word in ('false', 'f', '0') then 'buy'
            when side_word in ('sell', 's', 'ask', 'seller', '-1') or maker_word in ('true', 't', '1') then 'sell'
        end as side,

        -- judgement
        coalesce(
            id_reason,
            time_reason,
            case
                {{ keys_too_long({'trade_id': 'trade id'}) -}}
                when traded_at is null and traded_at_text = '' then 'missing price'
                when traded_at is null then 'price is not a number'
                when size is null and size_text = '' then 'missing size'
                when size is null then 'size is not a number'
                when traded_at <= 0 then 'price is not above zero'
                when size <= 0 then 'size is not above zero'
            end
        ) as quarantine_reason,

        -- provenance
        load_id,
        line

    from sided

)

select * from typed
