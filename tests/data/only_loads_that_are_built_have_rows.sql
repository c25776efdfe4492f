-- The marts show rows of loads that are built and of no other: not of a restated file's earlier load, nor of one that was
-- taken back. (What was loaded since the build began is not their business yet.)

{% for winners in winners_of_shapes() %}
select '{{ winners['in'] }}' as model, found.load_id, found.rows_found
from (
    select load_id, count(*) as rows_found
    from {{ ref(winners['in']) }}
    where {{ newest_sessions() }}
    group by load_id
) as found
left join {{ records_of_all('built_loads') }} as built
    on built.model = '{{ winners['in'] }}' and found.load_id = built.load_id
where built.load_id is null
{{ 'union all' if not loop.last }}
{% endfor %}
