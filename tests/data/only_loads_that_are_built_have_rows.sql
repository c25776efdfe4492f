-- The marts show rows of loads that are built and of no other: not of a restated file's earlier load, nor of one that was
-- taken back. (What was loaded since the build began is not their business yet.)

{% for model, time in [
    ('int_options__quotes_deduped', 'bar_start'), ('int_futures__quotes_deduped', 'bar_start'),
    ('int_spot__prices_deduped', 'bar_start'), ('int_fo_bhavcopy__deduped', 'bar_start'),
    ('int_equities__official_deduped', 'bar_start'), ('int_spot__closes_deduped', 'bar_start'),
    ('int_options__snapshots_deduped', 'timestamp'),
] %}
select '{{ model }}' as model, found.load_id, found.rows_found
from (
    select load_id, count(*) as rows_found
    from {{ ref(model) }}
    where {{ newest_sessions(time_column=time) }}
    group by load_id
) as found
left join {{ source('audit', 'built_loads') }} as built
    on built.model = '{{ model }}' and found.load_id = built.load_id
where built.load_id is null
{{ 'union all' if not loop.last }}
{% endfor %}
