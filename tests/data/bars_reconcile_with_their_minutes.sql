-- Hourly and daily bars of options and futures, computed again in another way from the minutes below them.

with

{% for kind in ['options', 'futures'] %}
{{ kind }}_minutes as (

    select *
    from {{ ref('int_' ~ kind ~ '__quotes_deduped') }}
    where is_preferred and is_regular and {{ newest_sessions() }}

),

{% for interval in ['hourly', 'daily'] %}
{{ kind }}_{{ interval }}_expected as (

    select
        contract_id,
        session_date,
        {% if interval == 'hourly' %}
        date_bin('1 hour', bar_start at time zone 'Asia/Kolkata', timestamp '2000-01-03 09:15') at time zone 'Asia/Kolkata' as bar_start,
        {% else %}
        date_trunc('day', bar_start, 'Asia/Kolkata') as bar_start,
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

    select contract_id, session_date, bar_start, open, high, low, close, volume, open_interest, bars
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
