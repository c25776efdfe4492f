-- Each contract, or index, has exactly one preferred row per session.

{% for mart in ['options_daily', 'futures_daily', 'spot_daily'] %}
select '{{ mart }}' as mart, symbol, exchange, session_date, count(*) filter (where is_preferred) as preferred_rows
from {{ ref(mart) }}
where {{ newest_sessions() }}
group by symbol, exchange, session_date
having count(*) filter (where is_preferred) <> 1
{{ 'union all' if not loop.last }}
{% endfor %}
