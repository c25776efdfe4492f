with

raw_rows as (

    select * from {{ source('raw_nse', 'nse_option_chain') }}

),

typed as (

    select
        -- ids: the cells that identify the contract beside its expiry stand for a symbol, which only one layout has
        'nse chain' as dialect,
        'NSE' as exchange,
        concat_ws(' ', cells.underlying, trim_scale(cells.strike)::text, cells.option_type) as vendor_symbol,
        case
            when raw_rows.expiry_date is null then ''
            when raw_rows.expiry_date like '__-___-____' then raw_rows.expiry_date
            when octet_length(raw_rows.expiry_date) <= {{ longest_key() }}
                then {{ date_text(
                    'raw_rows.expiry_date', 'cells.expiry', order='dd-mm-yyyy', load='raw_rows._load_id',
                ) | indent(16) }}
        end as vendor_expiry,
        'option' as instrument_type,
        cells.underlying,
        cells.expiry,
        cells.strike,
        cells.option_type,

        -- times
        cells.session_date,
        (cells.session_date + cells.time_of_day) at time zone 'Asia/Kolkata' as timestamp,

        -- prices: without a price or without a quantity there is no quote
        case when cells.bid_size > 0 then nullif(cells.bid, 0) end as bid,
        case when cells.ask_size > 0 then nullif(cells.ask, 0) end as ask,
        nullif(cells.last_price, 0) as last_price,
        nullif(cells.underlying_price, 0) as underlying_price,

        -- quantities, in units of the underlying
        case when cells.bid <> 0 then nullif(cells.bid_size, 0) end as bid_size,
        case when cells.ask <> 0 then nullif(cells.ask_size, 0) end as ask_size,
        cells.total_buy_quantity,
        cells.total_sell_quantity,

        -- quantities, in lots
        cells.lots_traded,
        cells.open_interest_lots,
        cells.change_in_open_interest_lots,

        -- volatility: written in percent, and 0 where the exchange computed none
        (nullif(cells.implied_volatility_percent, 0) / 100)::double precision as vendor_implied_volatility,

        -- judgement
        case
            {{ keys_too_long({
                'raw_rows.symbol': 'underlying', 'raw_rows.expiry_date': 'expiry',
                'raw_rows.option_type': 'option type',
            }) -}}
            when cells.session_date is null
                then {{ no_date("split_part(raw_rows.timestamp, ' ', 1)", "'impossible date or time'") }}
            when cells.time_of_day is null then 'impossible date or time'
            when
                (raw_rows.bid_price is not null and cells.bid is null)
                or (raw_rows.ask_price is not null and cells.ask is null)
                or (raw_rows.last_price is not null and cells.last_price is null)
                or (raw_rows.underlying_value is not null and cells.underlying_price is null)
                then 'price is not a number'
            when least(cells.bid, cells.ask, cells.last_price, cells.underlying_price) < 0 then 'price is below zero'
            when
                (raw_rows.bid_qty is not null and cells.bid_size is null)
                or (raw_rows.ask_qty is not null and cells.ask_size is null)
                or (raw_rows.total_buy_quantity is not null and cells.total_buy_quantity is null)
                or (raw_rows.total_sell_quantity is not null and cells.total_sell_quantity is null)
                then 'quantity of orders is not a whole number'
            when
                least(cells.bid_size, cells.ask_size, cells.total_buy_quantity, cells.total_sell_quantity) < 0
                then 'negative quantity of orders'
            when raw_rows.total_traded_volume is not null and cells.lots_traded is null
                then 'volume is not a number'
            when
                (raw_rows.open_interest is not null and cells.open_interest_lots is null)
                or (raw_rows.change_in_open_interest is not null and cells.change_in_open_interest_lots is null)
                then 'open interest is not a number'
            when cells.lots_traded < 0 or cells.open_interest_lots < 0 then 'negative volume or open interest'
            when raw_rows.implied_volatility is not null and cells.implied_volatility_percent is null
                then 'implied volatility is not a number'
            when cells.implied_volatility_percent < 0 then 'negative implied volatility'
        end as quarantine_reason,

        -- provenance
        raw_rows._load_id as load_id,
        raw_rows._line as line

    from raw_rows
    cross join lateral (
        -- each layout has its own way of writing a date, and the two cannot be confused
        select
            nullif(upper(btrim({{ key_text('raw_rows.symbol') }})), '') as underlying,
            coalesce(
                ({{ vendor_date('raw_rows.expiry_date', order='dd-mon-yyyy') }}),
                ({{ vendor_date('raw_rows.expiry_date', order='dd-mm-yyyy', load='raw_rows._load_id') }})
            ) as expiry,
            {{ vendor_number('raw_rows.strike_price') }} as strike,
            upper(btrim({{ key_text('raw_rows.option_type') }})) as option_type,
            coalesce(
                ({{ vendor_date(
                    "split_part(raw_rows.timestamp, ' ', 1)", order='yyyy-mm-dd', load='raw_rows._load_id',
                ) }}),
                ({{ vendor_date("split_part(raw_rows.timestamp, ' ', 1)", order='dd-mon-yyyy') }})
            ) as session_date,
            case
                when
                    raw_rows.timestamp ~ '^\S+ \d\d:\d\d:\d\d(\.\d{1,9})?$'
                    and pg_input_is_valid(split_part(raw_rows.timestamp, ' ', 2), 'time')
                    then split_part(raw_rows.timestamp, ' ', 2)::time
            end as time_of_day,
            {{ vendor_number('raw_rows.bid_price') }} as bid,
            {{ vendor_number('raw_rows.ask_price') }} as ask,
            {{ vendor_number('raw_rows.last_price') }} as last_price,
            {{ vendor_number('raw_rows.underlying_value') }} as underlying_price,
            {{ vendor_quantity('raw_rows.bid_qty') }} as bid_size,
            {{ vendor_quantity('raw_rows.ask_qty') }} as ask_size,
            {{ vendor_quantity('raw_rows.total_buy_quantity') }} as total_buy_quantity,
            {{ vendor_quantity('raw_rows.total_sell_quantity') }} as total_sell_quantity,
            {{ vendor_lots('raw_rows.total_traded_volume') }} as lots_traded,
            {{ vendor_lots('raw_rows.open_interest') }} as open_interest_lots,
            {{ vendor_lots('raw_rows.change_in_open_interest') }} as change_in_open_interest_lots,
            {{ vendor_number('raw_rows.implied_volatility') }} as implied_volatility_percent
        from (select 1) as once
        offset 0
    ) as cells

)

select * from typed
