{#
  The rows in the CTE `set_aside` as the vendor wrote them, joined by commas: load_id, line, row_text. Reads only the loads
  that have such rows.
#}
{% macro texts_of_set_aside_rows() %}
select
    bars._load_id as load_id,
    bars._line as line,
    array_to_string(array[
        bars.ticker, bars.date, bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.open_interest
    ], ',', '') as row_text
from {{ source('raw_gfdl', 'gfdl_minute_bars') }} as bars
where bars._load_id = any(array(select set_aside.load_id from set_aside))
union all
select
    bars._load_id as load_id,
    bars._line as line,
    array_to_string(array[
        bars.trad_dt, bars.fin_instrm_tp, bars.fin_instrm_nm, bars.xpry_dt, bars.opn_pric, bars.hgh_pric, bars.lw_pric,
        bars.cls_pric, bars.sttlm_pric, bars.opn_intrst, bars.ttl_tradg_vol, bars.new_brd_lot_qty
    ], ',', '') as row_text
from {{ source('raw_nse', 'nse_fo_bhavcopy_udiff') }} as bars
where bars._load_id = any(array(select set_aside.load_id from set_aside))
{% endmacro %}
