-- No row has an invented value: implied volatility and Greeks are all there where the status is ok, and none elsewhere.

{% for mart in ['options_ticks', 'options_hourly', 'options_daily'] %}
select
    '{{ mart }}' as mart, symbol, bar_start, greeks_status, implied_volatility, delta, gamma, theta, vega, rho
from {{ ref(mart) }}
where {{ newest_sessions() }}
    and num_nonnulls(implied_volatility, delta, gamma, theta, vega, rho)
    <> case when greeks_status = 'ok' then 6 else 0 end
{{ 'union all' if not loop.last }}
{% endfor %}
