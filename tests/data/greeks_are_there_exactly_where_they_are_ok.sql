-- No row has an invented value: implied volatility and Greeks are all there where the status is ok, and none elsewhere; and the values that
-- are there are possible ones. The minutes are read where they are stored, because the mart adds nothing to them.
-- depends_on: {{ ref('options_ticks') }}, {{ ref('greeks_slices_due') }}

{% for relation, name in [
    (computed('option_greeks'), 'contract_id::text'), (ref('options_hourly'), 'symbol'),
    (ref('options_daily'), 'symbol'),
] %}
select
    '{{ relation.identifier }}' as relation,
    {{ name }} as symbol,
    bar_start,
    greeks_status,
    implied_volatility,
    delta,
    gamma,
    theta,
    vega,
    rho
from {{ relation }} as priced
where {{ newest_sessions() }}
    {% if relation.identifier == 'option_greeks' %}and {{ of_todays_inputs('priced') }}{% endif %}
    and (
        num_nonnulls(implied_volatility, delta, gamma, theta, vega, rho)
        <> case when greeks_status = 'ok' then 6 else 0 end
        or implied_volatility <= 0
        or abs(delta) > 1
        or gamma < 0
        or vega < 0
        or greeks_status not in (
            'ok', 'pending', 'at_intrinsic', 'below_intrinsic', 'above_bound', 'no_underlying', 'stale_underlying',
            'no_price', 'no_rate', 'expired'
        )
    )
{{ 'union all' if not loop.last }}
{% endfor %}
