{#
  A vendor's count of lots as numeric, NULL where it is empty, not a number, or 10^11 or more: times a lot size of seven figures it must fit
  a bigint. It may have a fraction: the feed divides open interest by today's lot, and interest from before the lot changed is not a
  multiple of today's.

  column: the text column.
#}
{% macro vendor_lots(column) -%}
case when abs({{ vendor_number(column) }}) < 100000000000 then {{ vendor_number(column) }} end
{%- endmacro %}
