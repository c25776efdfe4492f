{#
  The CTE `<name>_by_instrument`: how good the rows of the CTE `<name>_rows` are, by instrument. One row per key. What each measure means stands
  in the description of marts.data_quality.

  An outlier lies apart from the row before it and from the row after it, on the same side of both. Whether it lies far enough is known when
  the whole session has been read, so the candidates are collected.

  name:    what the rows are of; `<name>_rows` has the columns of the key, row_start, row_end, is_regular, is_preferred, price (double precision),
           volume, bid, ask, and of bars is_flat: whether the bar has no range.
  key:     the columns that identify an instrument's rows of one session and source, the most telling ones first; what is asked of one
           of them goes down to the rows.
  order_by the columns that put them in order.
  bars:    whether the rows are bars; prints do not repeat each other.
  gaps:    whether the time between two rows is measured, in seconds and in lengths of `interval`.
  interval: the length of a bar, in SQL.
#}
{% macro measured_rows(name, key, order_by='row_start', bars=true, gaps=true, interval=none) %}
{%- set in_order -%}
partition by {{ key | join(', ') }} order by {{ order_by }}
{%- endset -%}
{{ name }}_beside as (

    select
        {% for column in key -%}
        {{ column }},
        {% endfor -%}
        row_start,
        row_end,
        is_regular,
        is_preferred,
        volume,
        bid,
        ask,
        price - lag(price) over in_order as change,
        {%- if gaps %}
        case
            when is_regular then extract(epoch from row_start - lag(case when is_regular then row_end end) over in_order)
        end as seconds_since,
        {%- endif %}
        {%- if bars %}
        row_number() over in_order as place,
        coalesce(
            is_flat
            and price = lag(price) over in_order
            and (coalesce(volume, 0) = 0 or volume = lag(volume) over in_order),
            false
        ) as repeats,
        {%- endif %}
        lag(price) over in_order - lag(price, 2) over in_order as change_before
    from {{ name }}_rows
    window in_order as ({{ in_order }})

),
{{ name }}_measured as (

    select
        {% for column in key -%}
        {{ column }},
        {% endfor -%}
        count(*) as rows,
        count(*) filter (where not is_preferred) as rows_not_preferred,
        count(*) filter (where not is_regular) as outside_hours,
        count(*) filter (where coalesce(volume, 0) = 0) as without_volume,
        {%- if gaps %}
        min(row_start) filter (where is_regular) as first_start,
        max(row_end) filter (where is_regular) as last_end,
        max(seconds_since) as longest_gap,
        {% if interval -%}
        sum(floor(seconds_since / extract(epoch from {{ interval }}))) filter (where seconds_since > 0)
        {%- else -%}
        null::numeric
        {%- endif %} as missing,
        {%- else %}
        null::timestamptz as first_start,
        null::timestamptz as last_end,
        null::numeric as longest_gap,
        null::numeric as missing,
        {%- endif %}
        count(*) filter (where change <> 0) as changes,
        percentile_cont(0.5) within group (order by nullif(abs(change), 0)) as median_change,
        array_agg(least(abs(change), abs(change_before))) filter (where change * change_before < 0) as reversals,
        {% if bars -%}
        array_agg(place) filter (where repeats) as repetitions,
        {% endif -%}
        count(*) filter (where bid is not null and ask is not null) as quoted,
        count(*) filter (where bid > ask) as crossed,
        percentile_cont(0.5) within group (order by {{ relative_spread() }}) as median_spread,
        max({{ relative_spread() }}) as widest_spread
    from {{ name }}_beside
    group by {{ key | join(', ') }}

),

{{ name }}_by_instrument as (

    select
        *,
        case
            when changes >= {{ var('outliers_from_changes') }} then (
                select count(*) from unnest(reversals) as reversal
                where reversal > {{ var('outlier_limit') }} * 1.4826 * median_change
            )
        end as outliers,
        {% if bars -%}
        -- the places of a run less their numbers among all repetitions are one number
        coalesce((
            select sum(runs.bars)
            from (
                select count(*) as bars
                from (
                    select place - row_number() over (order by place) as run
                    from unnest(repetitions) as place
                ) as repeated
                group by run
                having count(*) >= {{ var('stale_after') }}
            ) as runs
        ), 0)
        {%- else -%}
        null::bigint
        {%- endif %} as stale
    from {{ name }}_measured

)
{%- endmacro %}


{# The distance between bid and ask as a part of their middle; NULL where there is none, and where they are crossed. #}
{% macro relative_spread() -%}
case when ask >= bid and ask + bid > 0 then ((ask - bid) / ((ask + bid) / 2))::double precision end
{%- endmacro %}


{#
  The quality of a group's rows, from that of its instruments, which are the CTE `instruments`: the key and what measured_rows gives, with
  `expected`, the rows that there would be without gaps.

  key:  the columns that identify a group's rows of one session and source.
#}
{% macro measured_groups(key) %}
select
    {% for column in key -%}
    {{ column }},
    {% endfor -%}
    count(*) as instruments,
    sum(rows)::bigint as rows,
    sum(rows_not_preferred)::bigint as rows_not_preferred,
    sum(outside_hours)::bigint as outside_hours,
    sum(without_volume)::bigint as without_volume,
    sum(expected)::bigint as expected,
    sum(missing)::bigint as missing,
    make_interval(secs => max(longest_gap)::double precision) as longest_gap,
    sum(outliers)::bigint as outliers,
    sum(stale)::bigint as stale,
    nullif(sum(quoted), 0)::bigint as quoted,
    sum(crossed)::bigint as crossed,
    percentile_cont(0.5) within group (order by median_spread) as median_spread,
    max(widest_spread) as widest_spread
from instruments
group by {{ key | join(', ') }}
{% endmacro %}
