{#
  A vendor's count of lots as numeric, NULL where it is empty, no number or 10^13 and more. It may have a fraction: the feed divides
  open interest by today's lot, and what was written before the lot changed is no multiple of it.

  column: the text column.
#}
{% macro vendor_lots(column) -%}
case when abs({{ vendor_number(column) }}) < 10000000000000 then {{ column }}::numeric end
{%- endmacro %}
