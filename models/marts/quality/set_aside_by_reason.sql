{%- set duplicates = reasons_of_duplicates().values() %}

with

set_aside as (

    select * from {{ ref('int_quotes__set_aside') }}

),

set_aside_by_reason as (

    select
        load_id,
        case
            when
                reason in (
                    {% for duplicate in duplicates -%}
                        '{{ duplicate }}'{{ ',' if not loop.last }}
                    {% endfor -%}
                )
                then 'duplicate'
            else outcome
        end as outcome,
        reason,
        count(*) as rows
    from set_aside
    group by
        load_id,
        outcome,
        reason

)

select * from set_aside_by_reason
