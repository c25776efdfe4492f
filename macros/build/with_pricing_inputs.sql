{#
  Adds to the option bars in the CTE `bars` what their Greeks are computed from: the contract's strike and type, the underlying as
  of the end of the bar, the day's rate, the time to expiry. Coarser bars are priced as of the last minute inside them.

  `bars` has contract_id, expiry, session_date, bar_start, bar_end, last_bar_start (of the last minute inside; bar_start itself for
  a minute), open, high, low, close, volume, open_interest.

  further: columns of `bars` to carry along.
#}
{% macro with_pricing_inputs(further=[]) %}
    select
        -- ids
        bars.contract_id,
        contracts.symbol,
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
        coalesce(spot.close, earlier_spot.close) as underlying_price,
        coalesce(spot.bar_end, earlier_spot.bar_end) as underlying_end,
        coalesce(
            bars.last_bar_start + interval '1 minute' - coalesce(spot.bar_end, earlier_spot.bar_end)
            > interval '{{ var("underlying_staleness_limit") }}',
            false
        ) as underlying_is_stale,
        rates.interest_rate,
        extract(epoch from expiries.expires_at - bars.last_bar_start - interval '1 minute')::double precision
        / (365 * 86400)::double precision as years_to_expiry,
        expiries.expires_at <= bars.last_bar_start + interval '1 minute' as is_expired
        {%- for column in further %},
        bars.{{ column }}
        {%- endfor %}

    from bars
    inner join {{ ref('int_contracts__described') }} as contracts on bars.contract_id = contracts.contract_id
    left join {{ ref('int_expiries__dated') }} as expiries
        on contracts.exchange = expiries.exchange and bars.expiry = expiries.expiry
    left join {{ ref('int_rates__daily') }} as rates on bars.session_date = rates.session_date
    left join {{ ref('int_spot__prices_deduped') }} as spot
        on contracts.underlying = spot.underlying and bars.last_bar_start = spot.bar_start
    -- the index has no bar of this minute: its last one of the session, however old; the age decides later
    left join lateral (
        select past.close, past.bar_end
        from {{ ref('int_spot__prices_deduped') }} as past
        where spot.bar_end is null
            and contracts.underlying = past.underlying
            and bars.session_date = past.session_date
            and past.bar_start < bars.last_bar_start
            and past.bar_start >= bars.last_bar_start - interval '1 day'
        order by past.bar_start desc
        limit 1
    ) as earlier_spot on true
{% endmacro %}
