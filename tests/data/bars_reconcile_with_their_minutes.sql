-- Hourly and daily bars of options and futures, computed again in another way from the minutes below them.

with

{% for kind in ['options', 'futures'] %}
{{ kind }}_minutes as (

    select
        minutes.contract_id,
        minutes.session_date,
        minutes.bar_start,
        minutes.open,
        minutes.high,
        minutes.low,
        minutes.close,
        minutes.volume,
        minutes.open_interest,
        sessions.opens_at
    from {{ ref('int_' ~ kind ~ '__quotes_deduped') }} as minutes
    inner join {{ ref('int_contracts__described') }} as contracts on minutes.contract_id = contracts.contract_id
    left join {{ ref('int_sessions__dated') }} as sessions
        on contracts.exchange = sessions.exchange
        and minutes.session_date = sessions.session_date
        and sessions.segment = 'fo'
    where minutes.is_preferred and minutes.is_regular and {{ newest_sessions('minutes.session_date') }}

),

{% for interval in ['hourly', 'daily'] %}
{{ kind }}_{{ interval }}_expected as (

    select
        contract_id,
        session_date,
        {% if interval == 'hourly' %}
        coalesce(
            opens_at + make_interval(hours => floor(extract(epoch from bar_start - opens_at) / 3600)::integer),
            date_trunc('hour', bar_start, 'UTC')
        ) as hour_start,
        {% else %}
        null::timestamptz as hour_start,
        {% endif %}
        (array_agg(open order by bar_start asc))[1] as open,
        max(high) as high,
        min(low) as low,
        (array_agg(close order by bar_start desc))[1] as close,
        sum(volume)::bigint as volume,
        (array_agg(open_interest order by bar_start desc))[1] as open_interest,
        count(*) as bars
    from {{ kind }}_minutes
    group by 1, 2, 3

),

{{ kind }}_{{ interval }}_found as (

    select contract_id, session_date, {{ 'bar_start' if interval == 'hourly' else 'null::timestamptz' }} as hour_start, open, high, low, close, volume, open_interest, bars
    from {{ ref('int_' ~ kind ~ '__bars_' ~ interval) }}
    where {{ newest_sessions() }}

),
{% endfor %}
{% endfor %}

differences as (

    {% for kind in ['options', 'futures'] %}
    {% for interval in ['hourly', 'daily'] %}
    select '{{ kind }} {{ interval }}: only in the bars' as what, surplus.*
    from (
        select * from {{ kind }}_{{ interval }}_found
        except
        select * from {{ kind }}_{{ interval }}_expected
    ) as surplus
    union all
    select '{{ kind }} {{ interval }}: only in the minutes' as what, lacking.*
    from (
        select * from {{ kind }}_{{ interval }}_expected
        except
        select * from {{ kind }}_{{ interval }}_found
    ) as lacking
    {{ 'union all' if not (loop.last and kind == 'futures') }}
    {% endfor %}
    {% endfor %}

)

select * from differences
