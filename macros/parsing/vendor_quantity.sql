{#
  A vendor's count of units as bigint, NULL where it is empty or no whole number, or has more than 14 digits: lots become units,
  and no count of a market is that large. `100`, `100.0` and `197.0000000` are the same count; `100.5` is none.

  column: the text column.
#}
{% macro vendor_quantity(column) -%}
case
  when length({{ column }}) < 15 and pg_input_is_valid({{ column }}, 'bigint') then {{ column }}::bigint
  when
    rtrim({{ column }}, '0') like '%.'
    and length(split_part({{ column }}, '.', 1)) < 15
    and pg_input_is_valid(split_part({{ column }}, '.', 1), 'bigint')
    then split_part({{ column }}, '.', 1)::bigint
end
{%- endmacro %}
