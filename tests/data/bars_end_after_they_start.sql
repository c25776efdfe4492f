-- Half-open bars: the end is excluded, so it lies after the start.

{% for mart in [
    'options_ticks', 'options_hourly', 'options_daily', 'futures_ticks', 'futures_hourly', 'futures_daily',
    'spot_prices', 'spot_daily',
] %}
select '{{ mart }}' as mart, symbol, session_date, bar_start, bar_end
from {{ ref(mart) }}
where {{ newest_sessions() }} and (bar_end > bar_start) is not true
{{ 'union all' if not loop.last }}
{% endfor %}
