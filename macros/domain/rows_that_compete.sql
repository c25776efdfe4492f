{#
  The shapes whose rows compete for a place in a mart. For each shape: the rows as identified, where the winners stand, and what a winner
  and its losers have in common, which is a contract or, where there is none, a name.

    rows         model of the rows as identified: one per landed row
    contract_id, bar_of, underlying  columns of these rows: the contract; the exchange and name of what is no contract; the slice's group
    bar_interval, adjusted_for  of bars, columns of these rows
    time         the moment that winner and losers share
    values       what may differ between them
    winners      the models of the rows that count: each with its name (`in`), the instrument types that it takes, and the same columns of
                 its rows

  Rows of other shapes count when they can be read.
#}
{% macro rows_that_compete() %}
  {%- set bar_values = ['open', 'high', 'low', 'close', 'volume', 'open_interest'] -%}
  {%- set quote_values = ['bid', 'bid_size', 'ask', 'ask_size'] -%}
  {%- set day_values = bar_values + ['settlement_price'] -%}
  {%- set share_values = ['open', 'high', 'low', 'close', 'volume'] -%}
  {#- an index has no volume, so a volume in a file makes no difference -#}
  {%- set index_values = ['open', 'high', 'low', 'close'] -%}
  {%- set snapshot_values = [
    'bid', 'bid_size', 'ask', 'ask_size', 'last_price', 'lots_traded', 'open_interest_lots', 'change_in_open_interest_lots',
    'total_buy_quantity', 'total_sell_quantity', 'underlying_price', 'vendor_implied_volatility',
  ] -%}
  {{ return({
    'bars': {
      'rows': 'int_bars__identified',
      'contract_id': 'case when is_minute_bar then contract_id end',
      'bar_of': "case when not is_minute_bar then " ~ bar_of_any("contract_id") ~ " when instrument_type = 'index' then concat_ws(' ', exchange, underlying) end",
      'underlying': 'underlying',
      'bar_interval': 'bar_interval',
      'adjusted_for': 'adjusted_for',
      'time': 'bar_start',
      'values': index_values + [
        "case when instrument_type <> 'index' then volume end", "case when instrument_type <> 'index' then open_interest end",
      ],
      'winners': [
        {'in': 'int_options__quotes_deduped', 'types': ['option'], 'contract_id': 'contract_id', 'bar_of': 'null::text', 'values': bar_values},
        {'in': 'int_futures__quotes_deduped', 'types': ['future'], 'contract_id': 'contract_id', 'bar_of': 'null::text', 'values': bar_values},
        {
          'in': 'int_spot__prices_deduped', 'types': ['index'], 'contract_id': 'null::bigint',
          'bar_of': "concat_ws(' ', exchange, underlying)", 'values': index_values + ['null', 'null'],
        },
        {
          'in': 'int_bars__deduped', 'types': all_instrument_types(),
          'contract_id': 'null::bigint', 'bar_of': bar_of_any('instrument_id'),
          'values': index_values + [
            "case when instrument_type <> 'index' then volume end", "case when instrument_type <> 'index' then open_interest end",
          ],
        },
      ],
    },
    'trades': {
      'rows': 'int_trades__identified',
      'contract_id': 'instrument_id',
      'bar_of': 'print_key',
      'underlying': 'underlying',
      'time': 'timestamp',
      'values': ['price', 'size'],
      'winners': [
        {
          'in': 'int_trades__deduped', 'types': all_instrument_types(), 'contract_id': 'instrument_id', 'bar_of': 'print_key',
          'values': ['price', 'size'],
        },
      ],
    },
    'quotes': {
      'rows': 'int_quotes__identified',
      'contract_id': 'instrument_id',
      'bar_of': 'print_key',
      'underlying': 'underlying',
      'time': 'timestamp',
      'values': quote_values,
      'winners': [
        {
          'in': 'int_quotes__deduped', 'types': all_instrument_types(), 'contract_id': 'instrument_id', 'bar_of': 'print_key',
          'values': quote_values,
        },
      ],
    },
    'contract_days': {
      'rows': 'int_fo_bhavcopy__identified',
      'contract_id': 'contract_id',
      'bar_of': 'null::text',
      'underlying': 'underlying',
      'time': 'bar_start',
      'values': day_values,
      'winners': [
        {
          'in': 'int_fo_bhavcopy__deduped', 'types': ['option', 'future'], 'contract_id': 'contract_id', 'bar_of': 'null::text',
          'values': day_values,
        },
      ],
    },
    'share_days': {
      'rows': 'int_cash_bhavcopy__identified',
      'contract_id': 'null::bigint',
      'bar_of': "concat_ws(' ', exchange, vendor_symbol)",
      'underlying': 'symbol',
      'time': 'bar_start',
      'values': share_values,
      'winners': [
        {
          'in': 'int_equities__official_deduped', 'types': ['equity'], 'contract_id': 'null::bigint',
          'bar_of': "concat_ws(' ', exchange, symbol, series)", 'values': share_values,
        },
      ],
    },
    'index_days': {
      'rows': 'int_index_closes__identified',
      'contract_id': 'null::bigint',
      'bar_of': "concat_ws(' ', exchange, underlying)",
      'underlying': 'underlying',
      'time': 'bar_start',
      'values': index_values,
      'winners': [
        {
          'in': 'int_spot__closes_deduped', 'types': ['index'], 'contract_id': 'null::bigint',
          'bar_of': "concat_ws(' ', exchange, underlying)", 'values': index_values,
        },
      ],
    },
    'chain_snapshots': {
      'rows': 'int_option_chain__identified',
      'contract_id': 'contract_id',
      'bar_of': 'null::text',
      'underlying': 'underlying',
      'time': 'timestamp',
      'values': snapshot_values,
      'winners': [
        {
          'in': 'int_options__snapshots_deduped', 'types': ['option'], 'contract_id': 'contract_id', 'bar_of': 'null::text',
          'values': snapshot_values,
        },
      ],
    },
  }) }}
{% endmacro %}


{# What a bar is of that no table of minutes has, as one text: two rows with the same text and start compete. #}
{% macro bar_of_any(contract_id) -%}
concat_ws(' ', exchange, instrument_type, case when instrument_type in ('option', 'future') then {{ contract_id }}::text else underlying end, bar_interval, adjusted_for)
{%- endmacro %}


{# The models in which the winners of every shape stand, with the column of their time: {'in', 'time'}. #}
{% macro winners_of_shapes() %}
  {%- set found = [] -%}
  {%- for kind in rows_that_compete().values() -%}
    {%- for winners in kind['winners'] -%}{%- do found.append({'in': winners['in'], 'time': kind['time']}) -%}{%- endfor -%}
  {%- endfor -%}
  {{ return(found) }}
{% endmacro %}


{#
  A condition that holds for a load if every shape that is listed for its raw table has taken its rows, that is, if each model of winners
  for which the load has a slice has taken them.

  load: a relation with load_id and raw_table.
#}
{% macro taken_by_every_shape(load) -%}
{%- set takers = [] -%}
{%- for shape, kind in rows_that_compete().items() -%}
  {%- for line in lines_of_shapes([shape]) -%}
    {%- for winners in kind['winners'] -%}
      {%- for type in winners['types'] -%}
        {%- do takers.append("('raw." ~ line['raw_table'][1] ~ "', '" ~ winners['in'] ~ "', '" ~ type ~ "')") -%}
      {%- endfor -%}
    {%- endfor -%}
  {%- endfor -%}
{%- endfor -%}
not exists (
  select 1
  from (values {{ takers | join(', ') }}) as takers (raw_table, model, instrument_type)
  inner join {{ relation_of('int_loads__slices') }} as touched on takers.instrument_type = touched.instrument_type
  where touched.load_id = {{ load }}.load_id
    and takers.raw_table = {{ load }}.raw_table
    and not exists (
      select 1 from {{ records_of_all('built_loads') }} as taken
      where taken.model = takers.model and taken.load_id = touched.load_id
    )
)
{%- endmacro %}
