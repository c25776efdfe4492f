{{ config(meta={'rules_count': true}) }}

with

snapshots as (

    select
        deduped.*,
        {{ middle_of_quote('deduped') }} as middle,
        {{ last_trade_of_quote('deduped') }} as fresh_last_price
    from {{ ref('int_options__snapshots_deduped') }} as deduped

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

forwards as (

    select * from {{ ref('int_forwards__fitted_by_snapshot') }}

),

priced as (

    select
        -- ids
        snapshots.contract_id,
        contracts.symbol,
        contracts.underlying,
        snapshots.expiry,
        contracts.strike,
        contracts.option_type,

        -- times
        snapshots.session_date,
        snapshots.timestamp as bar_start,
        snapshots.timestamp as bar_end,

        -- quotes and quantities
        snapshots.{{ columns_of_snapshots() | join(',\n        snapshots.') }},

        -- pricing inputs: the first of these that there is. A settlement price is not known before the close.
        coalesce(snapshots.middle, snapshots.fresh_last_price) as premium,
        case
            when snapshots.middle is not null then 'mid'
            when snapshots.fresh_last_price is not null then 'last trade'
        end as premium_source,
        {{ columns_of_forwards() | join(',\n        ') }}

    from snapshots
    inner join contracts on snapshots.contract_id = contracts.contract_id
    left join forwards
        on contracts.underlying = forwards.underlying
        and snapshots.timestamp = forwards.bar_start
        and snapshots.expiry = forwards.expiry

)

select * from priced
