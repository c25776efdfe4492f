with

quotes as (

    select * from {{ ref('int_futures__quotes_deduped') }}
    where is_preferred

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

futures_ticks as (

    select
        -- ids
        quotes.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        quotes.expiry,

        -- times
        quotes.bar_start,
        quotes.bar_end,
        quotes.session_date,

        -- prices and quantities
        quotes.open,
        quotes.high,
        quotes.low,
        quotes.close,
        quotes.volume,
        quotes.open_interest,

        -- provenance
        loads.source,
        quotes.load_id,
        {{ line_of_file('quotes') }} as line

    from quotes
    inner join contracts on quotes.contract_id = contracts.contract_id
    left join loads on quotes.load_id = loads.load_id

)

select * from futures_ticks
