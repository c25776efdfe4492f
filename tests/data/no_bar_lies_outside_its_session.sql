-- A bar begins and ends, and a snapshot lies, within the hours of its exchange's session and segment. Hours that are not known yet
-- exclude nothing, and neither do hours of a library's calendar, outside which minutes are kept; without an exchange there are none.

with

bars as (

    {% for model, segment in [
        ('int_options__quotes_deduped', 'fo'), ('options_hourly', 'fo'), ('options_daily', 'fo'),
        ('int_futures__quotes_deduped', 'fo'), ('futures_hourly', 'fo'), ('futures_daily', 'fo'),
        ('spot_prices', 'index'), ('spot_daily', 'index'),
    ] %}
    select '{{ model }}' as model, '{{ segment }}' as segment, symbol, exchange, session_date, bar_start, bar_end
    from {{ ref(model) }}
    {% if model.startswith('int_') %}inner join {{ ref('int_contracts__described') }} using (contract_id){% endif %}
    where {{ newest_sessions() }}
    union all
    {% endfor %}
    select
        'option_snapshots' as model, 'fo' as segment, symbol, exchange, session_date, timestamp as bar_start, timestamp as bar_end
    from {{ ref('option_snapshots') }}
    where {{ newest_sessions() }}

)

select bars.*, sessions.opens_at, sessions.closes_at
from bars
left join {{ ref('int_sessions__dated') }} as sessions
    on bars.exchange = sessions.exchange
    and bars.segment = sessions.segment
    and bars.session_date = sessions.session_date
where
    bars.exchange <> ''
    and (sessions.has_other_hours is not true or bars.model in ('options_hourly', 'futures_hourly'))
    and (
        sessions.session_date is null
        or bars.bar_start < sessions.opens_at
        or bars.bar_end > sessions.closes_at
    )
