{#
  The sum of a column over the rows of a group that fulfil a condition, or NULL where one of them has no value (or there is none):
  a sum that leaves out what is unknown would be too low and not say so.

  column:    what to add up.
  condition: which rows, in SQL.
#}
{% macro known_sum(column, condition) -%}
case when bool_and({{ column }} is not null) filter (where {{ condition }}) then sum({{ column }}) filter (where {{ condition }}) end
{%- endmacro %}
