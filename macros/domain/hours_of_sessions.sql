{#
  Adds to hourly bars `begins_at`, the start of the bucket or the session's open where that is later: the select of a CTE
  (docs/decisions/0032-hours-begin-with-the-session.md).

  Two branches instead of greatest(), which no bound passes: in the first branch a bound on begins_at reaches the stored buckets, in the
  second it reaches the sessions that open inside an hour. There are few such sessions; where the bound leaves none, nothing is read.

  hours: a CTE with bar_start (of the bucket) and opens_at (of the session; NULL where it is not known). It has to be
         `not materialized`, for it is read twice.
#}
{% macro hours_of_sessions(hours) %}
    select
        *,
        bar_start as begins_at
    from {{ hours }}
    where bar_start >= opens_at or opens_at is null
    union all
    select
        *,
        opens_at as begins_at
    from {{ hours }}
    where bar_start < opens_at and opens_at <> {{ bucket_of('opens_at', 'hour') }}
{% endmacro %}
