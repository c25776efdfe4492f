{# The tables that files land in: whatever looks at all of them goes by this list. #}
{% macro raw_tables() %}
  {{ return([
    source('raw_gfdl', 'gfdl_minute_bars'),
    source('raw_nse', 'nse_fo_bhavcopy_udiff'),
    source('raw_nse', 'nse_fo_bhavcopy_legacy'),
    source('raw_nse', 'nse_cash_bhavcopy_udiff'),
    source('raw_nse', 'nse_cash_bhavcopy_full'),
    source('raw_nse', 'nse_cash_bhavcopy_legacy'),
    source('raw_nse', 'nse_index_closes'),
    source('raw_nse', 'nse_option_chain'),
    source('raw_kite', 'kite_instruments'),
  ]) }}
{% endmacro %}
