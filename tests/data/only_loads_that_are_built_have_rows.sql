-- A mart shows rows of loads that it has built and of no other: not of a restated file's earlier load, nor of one that was
-- taken back. (What was loaded since the build began is not its business yet.)

{% for mart, model in [
    ('options_ticks', 'int_options__quotes_deduped'), ('futures_ticks', 'int_futures__quotes_deduped'),
    ('spot_prices', 'int_spot__prices_deduped'),
] %}
select '{{ mart }}' as mart, bars.symbol, bars.bar_start, bars.load_id
from {{ ref(mart) }} as bars
where {{ newest_sessions() }}
    and not exists (
        select 1 from {{ source('audit', 'built_loads') }} as built
        where built.model = '{{ model }}' and built.load_id = bars.load_id
    )
union all
{% endfor %}
select 'int_fo_bhavcopy__deduped' as mart, bars.contract_id::text as symbol, bars.bar_start, bars.load_id
from {{ ref('int_fo_bhavcopy__deduped') }} as bars
where {{ newest_sessions() }}
    and not exists (
        select 1 from {{ source('audit', 'built_loads') }} as built
        where built.model = 'int_fo_bhavcopy__deduped' and built.load_id = bars.load_id
    )
