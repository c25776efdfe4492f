{%- if var('theta_day') not in ('calendar', 'trading') -%}
  {{ exceptions.raise_compiler_error("theta_day is calendar or trading; not " ~ var('theta_day')) }}
{%- endif -%}
{#- What decides everywhere, and what decides for some. -#}
{%- set everywhere = ['forward_method', 'time_to_expiry', 'theta_day'] -%}
{%- set of_kinds = {
    'minutes': ['underlying_staleness_limit'],
    'official': [],
    'snapshots': ['premium_staleness_limit', 'widest_spread'],
} -%}

with

-- Moments and dates as numbers: their text depends on who reads.
hours as (

    select
        string_agg(
            concat_ws(' ', valid_from - date '2000-01-01', extract(epoch from closes_at::time)), ',' order by valid_from
        ) as hours
    from {{ ref('nse_session_times') }}
    where segment = 'fo'

),

kinds as (

    {% for kind, names in of_kinds.items() -%}
        {{ 'union all' if not loop.first }}
        select
            '{{ kind }}' as kind,
            '{% for name in everywhere + names %}{{ var(name) }}|{% endfor %}' as settings
    {% endfor %}

),
{%- if var('time_to_expiry') == 'trading' %}

-- the sessions themselves are an input then
calendar as (

    select
        md5(string_agg(
            concat_ws(
                ' ', exchange, session_date - date '2000-01-01', extract(epoch from opens_at), extract(epoch from closes_at),
                number
            ),
            ',' order by exchange, session_date
        )) as sessions
    from {{ ref('int_sessions__numbered') }}

),
{%- else %}

calendar as (

    select null::text as sessions

),
{%- endif %}

-- The number in front is raised when an input comes to mean something else, so that everything is computed anew.
rules as (

    select
        kinds.kind,
        '3|' || md5(concat_ws('|', kinds.settings, hours.hours, calendar.sessions)) as version,
        {{ {'calendar': 365, 'trading': 252}[var('theta_day')] }} as days_of_theta
    from kinds
    cross join hours
    cross join calendar

)

select * from rules
