{# What a snapshot of an option states beside its contract and its time. #}
{% macro columns_of_snapshots() %}
  {{ return([
    'bid', 'bid_size', 'ask', 'ask_size', 'last_price', 'last_trade_after', 'volume', 'open_interest', 'change_in_open_interest',
    'total_buy_quantity', 'total_sell_quantity', 'lot_size', 'vendor_implied_volatility', 'load_id', 'line',
  ]) }}
{% endmacro %}
