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
                select string_agg(
                    concat_ws(' ', times.valid_from - date '2000-01-01', times.closes_at), ',' order by times.valid_from
                )
                from {{ ref('nse_session_times') }} as times
                where times.segment = 'fo'
            ),
            '{{ var("underlying_staleness_limit") }}',
            '{{ var("premium_staleness_limit") }}',
            '{{ var("widest_spread") }}',
            '{{ var("forward_method") }}',
            '{{ var("time_to_expiry") }}',
            {%- if var('time_to_expiry') == 'trading' %}
            -- the sessions themselves are an input then
            (
                -- as numbers: a moment's text depends on the reader's time zone
                select
                    md5(string_agg(
                        concat_ws(' ', exchange, session_date - date '2000-01-01', extract(epoch from closes_at)), ','
                        order by exchange, session_date
                    ))
                from {{ ref('int_sessions__numbered') }}
            ),
            {%- endif %}
            '{{ var("theta_day") }}'
        )) as version,
        {{ {'calendar': 365, 'trading': 252}[var('theta_day')] }} as days_of_theta

)

select * from rules
