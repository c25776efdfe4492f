{#
  A vendor's quantity in whole units of the underlying as numeric, as quantities are everywhere (coins have fractions of units). NULL
  where vendor_count is.

  column: the text column.
#}
{% macro vendor_quantity(column) -%}
({{ vendor_count(column) }})::numeric
{%- endmacro %}
