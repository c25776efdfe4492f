{#
  The line of the vendor's file that a row stands on, from the number that it landed under.

  of:    the relation that has the number.
  line:  its column.
  loads: the row's load, joined.
#}
{% macro line_of_file(of, line='line', loads='loads') -%}
{{ of }}.{{ line }} - {{ loads }}.first_line + {{ loads }}.header_lines + 1
{%- endmacro %}
