-- Every row of a day's bhavcopy states the underlying's close; a row that states another one is wrong.
{{ config(severity='warn') }}

select
    exchange,
    underlying,
    session_date,
    min(underlying_price) as lowest,
    max(underlying_price) as highest
from {{ ref('int_fo_bhavcopy__deduped') }}
where is_preferred and {{ newest_sessions() }}
group by exchange, underlying, session_date
having min(underlying_price) <> max(underlying_price)
