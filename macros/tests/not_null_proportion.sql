{#
  Returns one row with the counts where too few rows have a value: for a column that is nearly always there. Passes on
  no rows.

  at_least: the smallest proportion of rows with a value, 0 to 1.
#}
{% test not_null_proportion(model, column_name, at_least) %}
{%- if at_least <= 0 or at_least > 1 -%}
  {{ exceptions.raise_compiler_error("not_null_proportion of " ~ column_name ~ ": at_least is " ~ at_least ~ ", it must be above 0 and at most 1") }}
{%- endif %}
select
    count({{ column_name }}) as rows_with_a_value,
    count(*) as all_rows
from {{ model }}
having count({{ column_name }}) < {{ at_least }} * count(*)
{% endtest %}
