{%- if var('theta_day') not in ('calendar', 'trading') -%}
  {{ exceptions.raise_compiler_error("theta_day is calendar or trading; not " ~ var('theta_day')) }}
{%- endif -%}

with

-- The number in front is raised when an input comes to mean something else, so that everything is computed anew.
rules as (

    select
        '2|' || md5(concat_ws(
            '|',
            (
                select string_agg(concat_ws(' ', times.valid_from, times.closes_at), ',' order by times.valid_from)
                from {{ ref('nse_session_times') }} as times
                where times.segment = 'fo'
            ),
            '{{ var("underlying_staleness_limit") }}',
            '{{ var("premium_staleness_limit") }}',
            '{{ var("widest_spread") }}',
            '{{ var("forward_method") }}',
            '{{ var("time_to_expiry") }}',
            '{{ var("theta_day") }}'
        )) as version,
        {{ {'calendar': 365, 'trading': 252}[var('theta_day')] }} as days_of_theta

)

select * from rules
