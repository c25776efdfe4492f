{#
  A vendor's count of whole things as bigint, NULL where it is empty or no whole number, or has more figures than a market counts: lots
  become units, and units are added up. `100`, `100.0`, `197.0000000` and, grouped by a spreadsheet, `1,250` are counts; `100.5` is
  none, and `1.5E+02` has been rounded to the figures that are left.

  column: the text column.
  digits: figures at most; lots and lot sizes are multiplied, so they have fewer.
#}
{% macro vendor_count(column, digits=14) -%}
case
  when length({{ column }}) <= {{ digits }} and pg_input_is_valid({{ column }}, 'bigint') then {{ column }}::bigint
  when octet_length({{ column }}) > 40 then null
  when
    rtrim({{ column }}, '0') like '%.'
    and length(split_part({{ column }}, '.', 1)) <= {{ digits }}
    and pg_input_is_valid(split_part({{ column }}, '.', 1), 'bigint')
    then split_part({{ column }}, '.', 1)::bigint
  when
    {{ column }} ~ '{{ grouped_thousands() }}'
    and rtrim(split_part({{ column }}, '.', 2), '0') = ''
    and length(replace(split_part({{ column }}, '.', 1), ',', '')) <= {{ digits }}
    then replace(split_part({{ column }}, '.', 1), ',', '')::bigint
end
{%- endmacro %}
