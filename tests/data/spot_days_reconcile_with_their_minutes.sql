-- Daily bars of the indices, computed again in another way from the minutes below them.

with

expected as (

    select
        exchange,
        underlying,
        session_date,
        (array_agg(open order by bar_start asc))[1] as open,
        max(high) as high,
        min(low) as low,
        (array_agg(close order by bar_start desc))[1] as close,
        count(*) as bars
    from {{ ref('int_spot__prices_deduped') }}
    where is_preferred and is_regular and {{ newest_sessions() }}
    group by exchange, underlying, session_date

),

found as (

    select exchange, underlying, session_date, open, high, low, close, bars
    from {{ ref('int_spot__prices_daily') }}
    where {{ newest_sessions() }}

)

select 'only in the bars' as what, surplus.*
from (select * from found except select * from expected) as surplus
union all
select 'only in the minutes' as what, lacking.*
from (select * from expected except select * from found) as lacking
