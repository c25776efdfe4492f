{#
  A vendor's token of an instrument, as text: an identifier, which is exact or nothing. What a spreadsheet has shown with an exponent
  (`1.30596E+07`) has lost figures and is NULL.

  column: the text column.
#}
{% macro vendor_token(column) -%}
case when octet_length({{ column }}) <= {{ longest_key() }} and {{ column }} !~* '\de[-+]?\d' then {{ column }} end
{%- endmacro %}
