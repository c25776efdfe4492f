{#
  Adds to the option bars in the CTE `bars` what their Greeks are computed from: the contract's strike and type, and what is known of
  its expiry at that minute. Coarser bars are priced as of the last minute inside them.

  `bars` has contract_id, expiry, session_date, bar_start, bar_end, last_bar_start (of the last minute inside; bar_start itself for
  a minute), open, high, low, close, volume, open_interest.

  further: columns of `bars` to carry along.
#}
{% macro with_pricing_inputs(further=[]) %}
    select
        -- ids
        bars.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        bars.expiry,
        contracts.strike,
        contracts.option_type,

        -- times
        bars.session_date,
        bars.bar_start,
        bars.bar_end,

        -- prices and quantities
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        bars.open_interest,

        -- pricing inputs
        bars.close as premium,
        'last trade' as premium_source,
        forwards.underlying_price,
        {{ columns_of_forwards() | join(',\n        ') }}
        {%- for column in further %},
        bars.{{ column }}
        {%- endfor %}

    from bars
    inner join {{ ref('int_contracts__described') }} as contracts on bars.contract_id = contracts.contract_id
    left join {{ ref('int_forwards__fitted_by_minute') }} as forwards
        on contracts.exchange = forwards.exchange
        and contracts.underlying = forwards.underlying
        and bars.session_date = forwards.session_date
        and bars.last_bar_start = forwards.bar_start
        and bars.expiry = forwards.expiry
{% endmacro %}


{# What option bars take over from the expiry's forward, which is joined as `forwards`. #}
{% macro columns_of_forwards() %}
  {{ return([
    'forwards.underlying_end',
    'forwards.underlying_is_stale',
    'forwards.forward_price',
    'forwards.forward_method',
    'forwards.interest_rate',
    'forwards.calendar_years_to_expiry',
    'forwards.years_to_expiry',
    'forwards.is_expired',
    'forwards.bar_start as forward_bar_start',
  ]) }}
{% endmacro %}
