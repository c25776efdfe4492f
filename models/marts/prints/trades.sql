with

prints as (

    select * from {{ ref('int_trades__deduped') }}
    where is_preferred

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

trades as (

    select
        -- ids
        coalesce(contracts.symbol, prints.underlying) as symbol,
        prints.exchange,
        prints.instrument_type,

        -- times
        prints.timestamp,
        prints.sequence,
        prints.session_date,
        prints.is_regular,

        -- what it says
        prints.price,
        prints.size,
        prints.side,
        prints.trade_id,

        -- provenance
        prints.source,
        prints.load_id,
        {{ line_of_file('prints') }} as line

    from prints
    left join contracts on prints.instrument_id = contracts.contract_id
    left join loads on prints.load_id = loads.load_id

)

select * from trades
