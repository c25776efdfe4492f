{#
  The list of shapes: which staging view gives the rows of a raw table, and of which shape they are. A source is added with one line
  here; everything behind the unions (int_<shape>__delivered) goes by the shape and knows no source.

  A raw table may have several lines, each with a view that takes its own kind of row; a view may read several raw tables, and stands in
  a line of each.

    raw_table  source and table, as in the yml of the vendor's folder
    view       the staging view: exactly the columns of its shape, which are those of the union's contract
    shape      one of shape_names()
    dates      cells of the raw table with dates in which a spreadsheet may have changed the order of day and month; given in one of the
               table's lines
    whole_market  true where each file has the whole market of its sessions: the file is then one slice (plan_build)
    states_underlying_price  false where the rows do not say the underlying's price, which is taken from other files then
#}
{% macro shapes() %}
  {{ return([
    {
      'raw_table': ['raw_gfdl', 'gfdl_minute_bars'], 'view': 'stg_gfdl__minute_bars', 'shape': 'bars',
      'dates': ['date', 'expiry'],
    },
    {'raw_table': ['raw_any', 'any_bars'], 'view': 'stg_any__bars', 'shape': 'bars'},
    {'raw_table': ['raw_any', 'any_trades'], 'view': 'stg_any__trades', 'shape': 'trades'},
    {'raw_table': ['raw_any', 'any_quotes'], 'view': 'stg_any__quotes', 'shape': 'quotes'},
    {
      'raw_table': ['raw_nse', 'nse_fo_bhavcopy_udiff'], 'view': 'stg_nse__fo_bhavcopy_udiff', 'shape': 'contract_days',
      'dates': ['trad_dt', 'xpry_dt'],
    },
    {
      'raw_table': ['raw_nse', 'nse_fo_bhavcopy_legacy'], 'view': 'stg_nse__fo_bhavcopy_legacy', 'shape': 'contract_days',
      'dates': ['timestamp', 'expiry_dt'], 'states_underlying_price': false,
    },
    {
      'raw_table': ['raw_nse', 'nse_cash_bhavcopy_udiff'], 'view': 'stg_nse__cash_bhavcopy', 'shape': 'share_days',
      'dates': ['trad_dt'], 'whole_market': true,
    },
    {
      'raw_table': ['raw_nse', 'nse_cash_bhavcopy_full'], 'view': 'stg_nse__cash_bhavcopy', 'shape': 'share_days',
      'dates': ['date1'], 'whole_market': true,
    },
    {
      'raw_table': ['raw_nse', 'nse_cash_bhavcopy_legacy'], 'view': 'stg_nse__cash_bhavcopy', 'shape': 'share_days',
      'dates': ['timestamp'], 'whole_market': true,
    },
    {
      'raw_table': ['raw_nse', 'nse_index_closes'], 'view': 'stg_nse__index_closes', 'shape': 'index_days',
      'dates': ['index_date'],
    },
    {
      'raw_table': ['raw_nse', 'nse_option_chain'], 'view': 'stg_nse__option_chain', 'shape': 'chain_snapshots',
      'dates': ["split_part(timestamp, ' ', 1)", 'expiry_date'],
    },
    {
      'raw_table': ['raw_kite', 'kite_instruments'], 'view': 'stg_kite__instruments', 'shape': 'instruments',
      'dates': ['expiry'],
    },
  ]) }}
{% endmacro %}


{#
  The shapes that there are. To add one, add its name here, its union models/intermediate/shapes/int_<shape>__delivered.sql with a contract,
  a line for each raw table above, and, where its rows compete for a place in a mart, an entry in rows_that_compete().
#}
{% macro shape_names() %}
  {{ return(['bars', 'contract_days', 'share_days', 'index_days', 'chain_snapshots', 'trades', 'quotes', 'instruments']) }}
{% endmacro %}


{#
  The rows of a shape, whichever source brought them, by the columns of the union's contract: the only select that reads its staging views.

  shape: one of shape_names().
#}
{% macro delivered(shape) %}
  {%- set views = [] -%}
  {%- for line in lines_of_shapes([shape]) if line['view'] not in views -%}{%- do views.append(line['view']) -%}{%- endfor -%}
  {%- for view in views %}
select
    {{ (model['columns'].keys() if execute else ['*']) | join(',\n    ') }}
from {{ ref(view) }}
{{ 'union all' if not loop.last }}
  {%- endfor %}
{%- endmacro %}


{#
  The raw tables whose rows are of a shape, as quoted names for `raw_table in (…)`, as audit.loads has them.

  shapes: a list of names out of shape_names().
#}
{% macro raw_tables_of(shapes) -%}
  {%- set names = [] -%}
  {%- for line in lines_of_shapes(shapes) -%}
    {%- set name = "'raw." ~ line['raw_table'][1] ~ "'" -%}
    {%- if name not in names -%}{%- do names.append(name) -%}{%- endif -%}
  {%- endfor -%}
  {{ return(names | join(', ')) }}
{%- endmacro %}


{# The raw tables whose files have the whole market of their sessions, quoted as by raw_tables_of. #}
{% macro raw_tables_of_whole_markets() -%}
  {%- set names = [] -%}
  {%- for line in shapes() if line.get('whole_market') -%}{%- do names.append("'raw." ~ line['raw_table'][1] ~ "'") -%}{%- endfor -%}
  {{ return(names | join(', ')) }}
{%- endmacro %}


{# The tables that files land in, once each: whatever looks at all of them uses this list. #}
{% macro raw_tables() %}
  {%- set tables = [] -%}
  {%- for line in shapes() if line['raw_table'] not in tables -%}{%- do tables.append(line['raw_table']) -%}{%- endfor -%}
  {%- set relations = [] -%}
  {%- for table in tables -%}{%- do relations.append(source(*table)) -%}{%- endfor -%}
  {{ return(relations) }}
{% endmacro %}


{% macro lines_of_shapes(wanted) %}
  {%- for name in wanted if name not in shape_names() -%}
    {{ exceptions.raise_compiler_error("a shape is " ~ shape_names() | join(", ") ~ "; not " ~ name) }}
  {%- endfor -%}
  {%- set lines = [] -%}
  {%- for line in shapes() -%}
    {%- if line['shape'] not in shape_names() -%}
      {{ exceptions.raise_compiler_error("a shape is " ~ shape_names() | join(", ") ~ "; not " ~ line['shape'] ~ ", as the list has it of " ~ line['view']) }}
    {%- endif -%}
    {%- if line['shape'] in wanted -%}{%- do lines.append(line) -%}{%- endif -%}
  {%- endfor -%}
  {{ return(lines) }}
{% endmacro %}
