with

snapshots as (

    select * from {{ ref('int_options__snapshots_deduped') }}

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
        {% for column in columns_of_snapshots() -%}
        snapshots.{{ column }},
        {% endfor %}
        -- pricing inputs: the first of these that there is. A settlement price is not known before the close.
        coalesce({{ middle_of_quote('snapshots') }}, {{ last_trade_of_quote('snapshots') }}) as premium,
        case
            when {{ middle_of_quote('snapshots') }} is not null then 'mid'
            when {{ last_trade_of_quote('snapshots') }} is not null then 'last trade'
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
