{#
  What the rows of a group state about a thing that they have in common; NULL where two of them contradict each other, because nobody says
  which of them is right.

  column: the column.
  window: the window whose rows they are, instead of a group.
#}
{% macro the_one_value(column, window=none) -%}
{%- set over = ' over ' ~ window if window else '' -%}
case when min({{ column }}){{ over }} = max({{ column }}){{ over }} then max({{ column }}){{ over }} end
{%- endmacro %}
