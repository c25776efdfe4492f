{#
  Why a cell is no count of units, in words.

  column: the text column, for which vendor_quantity gives NULL.
  what:   what the column counts, such as 'volume'.
#}
{% macro no_count(column, what) -%}
case
  when {{ column }} ~* '^\s*[-+]?\d+(?:\.\d+)?e\+?\d+\s*$' then '{{ what }} has an exponent, so figures of it may be lost'
  else '{{ what }} is not a whole number'
end
{%- endmacro %}
