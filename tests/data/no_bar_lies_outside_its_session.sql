-- A bar begins and ends within the hours of its session and segment; hours that are not known yet exclude nothing.

with

bars as (

    {% for mart, segment, name in [
        ('options_ticks', 'fo', 'symbol'), ('options_hourly', 'fo', 'symbol'), ('options_daily', 'fo', 'symbol'),
        ('futures_ticks', 'fo', 'symbol'), ('futures_hourly', 'fo', 'symbol'), ('futures_daily', 'fo', 'symbol'),
        ('spot_prices', 'index', 'symbol'), ('spot_daily', 'index', 'symbol'),
    ] %}
    select '{{ mart }}' as mart, '{{ segment }}' as segment, {{ name }} as symbol, session_date, bar_start, bar_end
    from {{ ref(mart) }}
    where {{ newest_sessions() }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select bars.*, sessions.opens_at, sessions.closes_at
from bars
left join {{ ref('sessions') }} as sessions
    on sessions.exchange = 'NSE'
    and bars.segment = sessions.segment
    and bars.session_date = sessions.session_date
where sessions.session_date is null
    or bars.bar_start < sessions.opens_at
    or bars.bar_end > sessions.closes_at
