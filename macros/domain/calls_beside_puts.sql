{#
  Columns of a `group by` that puts the call and the put of one strike side by side: call_<column>, put_<column> for each.
  A strike has at most one contract of a type, so the aggregates pick it and add nothing up; a leg that is not there is NULL.

  columns: columns of the options, of any type that has a greatest value.
  flags:   boolean columns.
#}
{% macro calls_beside_puts(columns, flags=[]) %}
{%- for side, option_type in [('call', 'CE'), ('put', 'PE')] -%}
{%- for column in columns %}
        max({{ column }}) filter (where option_type = '{{ option_type }}') as {{ side }}_{{ column }},
{%- endfor -%}
{%- for flag in flags %}
        bool_or({{ flag }}) filter (where option_type = '{{ option_type }}') as {{ side }}_{{ flag }},
{%- endfor -%}
{%- endfor -%}
{% endmacro %}
