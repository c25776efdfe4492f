{{ config(meta={'rules_count': true}) }}

{%- if var('theta_day') not in ('calendar', 'trading') -%}
  {{ exceptions.raise_compiler_error("theta_day is calendar or trading; not " ~ var('theta_day')) }}
{%- endif -%}
{#- The settings that decide everywhere, and those that decide for some kinds. -#}
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

-- Moments and dates as numbers, because their text depends on who reads them.
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

-- The rules by which the inputs of a kind are made, with all that they are read from.
inputs as (

    select
        inputs_of_kinds.kind,
        string_agg(built_models.rules, ',' order by built_models.model) as rules_of_inputs
    from (
        values
        ('minutes', 'int_options__quotes_priced'),
        ('minutes', 'int_options__hours_priced'),
        ('minutes', 'int_options__built_days_priced'),
        ('official', 'int_options__official_priced'),
        ('snapshots', 'int_options__snapshots_priced')
    ) as inputs_of_kinds (kind, model)
    inner join {{ records_of_all('built_models') }} as built_models on inputs_of_kinds.model = built_models.model
    group by inputs_of_kinds.kind

),

-- The number in front is raised when the Greeks step begins to compute something else from its inputs.
rules as (

    select
        kinds.kind,
        '3|' || md5(concat_ws(
            '|', kinds.chosen, closings.closings_by_date, calendar.sessions, inputs.rules_of_inputs
        )) as version,
        {{ {'calendar': 365, 'trading': 252}[var('theta_day')] }} as days_of_theta
    from kinds
    cross join closings
    cross join calendar
    left join inputs on kinds.kind = inputs.kind

)

select * from rules
