with

gathered as (

    select * from {{ ref('int_forwards__gathered_by_snapshot') }}

),

with_underlying as (

    select
        gathered.*,
        gathered.bar_end as underlying_end,
        false as underlying_is_stale
    from gathered

),

{{ fitted_forwards('with_underlying') }}

select * from fitted
