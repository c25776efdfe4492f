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
{%- set settings_of_kinds = [] -%}
{%- for kind, names in of_kinds.items() -%}
    {%- set settings = [] -%}
    {%- for name in everywhere + names %}{% do settings.append(var(name)) %}{% endfor -%}
    {%- do settings_of_kinds.append("('" ~ kind ~ "', '" ~ settings | join('|') ~ "|')") -%}
{%- endfor %}

with

-- Moments and dates as numbers: their text depends on who reads.
closings as (

    select
        string_agg(
            concat_ws(' ', valid_from - date '2000-01-01', extract(epoch from closes_at::time)), ',' order by valid_from
        ) as closings_by_date
    from {{ ref('nse_session_times') }}
    where segment = 'fo'

),

kinds as (

    select *
    from (
        values
        {{ settings_of_kinds | join(',\n        ') }}
    ) as kinds (kind, chosen)

),

-- The sessions themselves are an input where time is counted in them.
calendar as (

    select
        md5(string_agg(
            concat_ws(
                ' ', exchange, session_date - date '2000-01-01', number,
                extract(epoch from opens_at), extract(epoch from closes_at)
            ),
            ',' order by exchange, session_date
        )) as sessions
    from {{ ref('int_sessions__numbered') }}
    where {{ var('time_to_expiry') == 'trading' }}

),

-- The number in front is raised when an input comes to mean something else, so that everything is computed anew.
rules as (

    select
        kinds.kind,
        '3|' || md5(concat_ws('|', kinds.chosen, closings.closings_by_date, calendar.sessions)) as version,
        {{ {'calendar': 365, 'trading': 252}[var('theta_day')] }} as days_of_theta
    from kinds
    cross join closings
    cross join calendar

)

select * from rules
