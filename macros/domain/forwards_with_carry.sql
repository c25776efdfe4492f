{#
  The select of a mart of forwards: what int_forwards__fitted_* has, with the carry that follows.

  fitted: the relation.
  has_kinds: whether it has a row for each kind of premium.
#}
{% macro forwards_with_carry(fitted, has_kinds=false) %}
    select
        -- ids
        underlying,
        exchange,
        expiry,
        {% if has_kinds %}premium_kind,{% endif %}

        -- times
        session_date,
        bar_start,
        bar_end,
        years_to_expiry,

        -- the one that counts
        underlying_price,
        forward_price,
        forward_method,
        case
            when forward_price > 0 and underlying_price > 0 and not underlying_is_stale and calendar_years_to_expiry > 0
                then ln(forward_price / underlying_price::double precision) / calendar_years_to_expiry
        end as implied_carry,
        interest_rate,

        -- each of them
        parity_forward,
        parity_residual,
        parity_strikes,
        future_price,
        spot_forward
    from {{ fitted }}
{% endmacro %}
