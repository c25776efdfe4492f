-- Open interest that is no multiple of the day's lot. It only warns: after a change of the lot size odd residues stay
-- (79 of 2,310 option rows of the exchange's own file of 2025-08-01).
{{ config(severity='warn') }}

select symbol, session_date, open_interest, lot_size
from {{ ref('options_daily') }}
where {{ newest_sessions() }} and source = 'official' and open_interest % lot_size <> 0
