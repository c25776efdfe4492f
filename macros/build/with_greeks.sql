{#
  Adds volatility and Greeks to rows with pricing inputs. A row shows Greeks only if they were computed from the inputs that
  stand in it today; else it is `pending`.

  An inner join for the rows that have Greeks, and the rest from the slices that are due, instead of one left join: TimescaleDB
  carries bounds on bar_start over to the other side of an inner join only, and a month read from a year would otherwise read
  the Greeks of the whole year. Outside slices that are due every row has its Greeks, because the step writes slices whole
  (tests/data/options_marts_lose_no_row.sql).

  priced:       the CTE with the rows; it is read twice, so it has to be `not materialized`.
  bar_interval: 'minute', 'hour', 'built day' or 'day', as in option_pricing_inputs.
#}
{% macro with_greeks(priced, bar_interval) %}
{% if bar_interval not in ('minute', 'hour', 'built day', 'day') %}
  {{ exceptions.raise_compiler_error("with_greeks: bar_interval is minute, hour, built day or day, not " ~ bar_interval) }}
{% endif %}
    select
        priced.*,
        case when fresh.is_fresh then greeks.implied_volatility end as implied_volatility,
        null::double precision as vendor_implied_volatility,
        case when fresh.is_fresh then greeks.delta end as delta,
        case when fresh.is_fresh then greeks.gamma end as gamma,
        case when fresh.is_fresh then greeks.theta end as theta,
        case when fresh.is_fresh then greeks.vega end as vega,
        case when fresh.is_fresh then greeks.rho end as rho,
        case when fresh.is_fresh then greeks.greeks_status else 'pending' end as greeks_status
    from {{ priced }} as priced
    inner join {{ source('enrichment', 'option_greeks') }} as greeks
        on priced.contract_id = greeks.contract_id
        and priced.bar_start = greeks.bar_start
        and greeks.bar_interval = '{{ bar_interval }}'
    cross join lateral (
        select
            -- arrays, because NULL equals NULL in them
            array[priced.premium, priced.underlying_price] = array[greeks.premium, greeks.underlying_price]
            and array[priced.interest_rate, priced.years_to_expiry]
            = array[greeks.interest_rate, greeks.years_to_expiry] as is_fresh
        from (select 1) as once
        offset 0
    ) as fresh
    union all
    select
        priced.*,
        null as implied_volatility,
        null as vendor_implied_volatility,
        null as delta,
        null as gamma,
        null as theta,
        null as vega,
        null as rho,
        'pending' as greeks_status
    from {{ priced }} as priced
    inner join {{ ref('greeks_slices_due') }} as due
        on priced.underlying = due.underlying
        and priced.session_date = due.session_date
        and due.bar_interval = '{{ bar_interval }}'
    where not exists (
        select 1 from {{ source('enrichment', 'option_greeks') }} as greeks
        where greeks.contract_id = priced.contract_id
            and greeks.bar_start = priced.bar_start
            and greeks.bar_interval = '{{ bar_interval }}'
    )
{% endmacro %}
