-- A bar begins and ends, and a snapshot lies, within the hours of its session and segment; hours that are not known yet exclude
-- nothing.

with

bars as (

    {% for model, segment, name in [
        ('int_options__quotes_deduped', 'fo', 'contract_id::text'), ('options_hourly', 'fo', 'symbol'),
        ('options_daily', 'fo', 'symbol'), ('int_futures__quotes_deduped', 'fo', 'contract_id::text'),
        ('futures_hourly', 'fo', 'symbol'), ('futures_daily', 'fo', 'symbol'), ('spot_prices', 'index', 'symbol'),
        ('spot_daily', 'index', 'symbol'),
    ] %}
    select '{{ model }}' as model, '{{ segment }}' as segment, {{ name }} as symbol, session_date, bar_start, bar_end
    from {{ ref(model) }}
    where {{ newest_sessions() }}
    union all
    {% endfor %}
    select
        'option_snapshots' as model, 'fo' as segment, symbol, session_date, timestamp as bar_start, timestamp as bar_end
    from {{ ref('option_snapshots') }}
    where {{ newest_sessions() }}

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
