{{ config(meta={'rules_count': true}) }}

{%- set identity = ['contract_id', 'symbol', 'strike', 'option_type'] -%}
{%- set premiums = ['premium', 'premium_source'] -%}

with

snapshots as (

    select
        deduped.*,
        {{ middle_of_quote('deduped') }} as middle,
        {{ last_trade_of_quote('deduped') }} as fresh_last_price
    from {{ ref('int_options__snapshots_deduped') }} as deduped
    where deduped.is_preferred

),

-- The first of these premiums that exists. A settlement price is not known before the close.
with_premium as (

    select
        snapshots.*,
        coalesce(middle, fresh_last_price) as premium,
        case
            when middle is not null then 'mid'
            when fresh_last_price is not null then 'last trade'
        end as premium_source,
        case when middle is null and fresh_last_price is not null then 'trade' else 'quote' end as premium_kind
    from snapshots

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

gathered as (

    select * from {{ ref('int_forwards__gathered_by_snapshot') }}

),

-- The chain's forward holds for all legs of its kind and expiry; the underlying's price is what the leg itself states.
legs as (

    select
        with_premium.contract_id,
        with_premium.expiry,
        with_premium.session_date,
        with_premium.timestamp as bar_start,
        with_premium.timestamp as bar_end,
        with_premium.{{ columns_of_snapshots() | join(',\n        with_premium.') }},
        with_premium.premium,
        with_premium.premium_source,
        with_premium.underlying_price,
        with_premium.timestamp as underlying_end,
        false as underlying_is_stale,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        contracts.strike,
        contracts.option_type,
        gathered.parity_strike,
        gathered.parity_call_less_put,
        gathered.parity_residual,
        gathered.parity_strikes,
        gathered.future_price,
        gathered.bar_start as forward_bar_start
    from with_premium
    inner join contracts on with_premium.contract_id = contracts.contract_id
    left join gathered
        on contracts.exchange = gathered.exchange
        and contracts.underlying = gathered.underlying
        and with_premium.session_date = gathered.session_date
        and with_premium.timestamp = gathered.bar_start
        and with_premium.expiry = gathered.expiry
        and with_premium.premium_kind = gathered.premium_kind

),

{{ fitted_forwards('legs', further=identity + premiums + columns_of_snapshots() + ['forward_bar_start']) }},

priced as (

    select
        -- ids
        contract_id,
        symbol,
        exchange,
        underlying,
        expiry,
        strike,
        option_type,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- quotes and quantities
        {{ columns_of_snapshots() | join(',\n        ') }},

        -- pricing inputs
        premium,
        premium_source,
        underlying_price,
        underlying_end,
        underlying_is_stale,
        forward_price,
        forward_method,
        interest_rate,
        calendar_years_to_expiry,
        years_to_expiry,
        is_expired,
        forward_bar_start

    from fitted

)

select * from priced
