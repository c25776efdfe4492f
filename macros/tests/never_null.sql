{#
  Returns a row with a count for each column that is NULL anywhere: one pass over the table for all columns that must
  always have a value, where not_null would read it once for each. Passes on no rows.

  columns: the names of the columns.
#}
{% test never_null(model, columns) %}
select
    missing.column_name,
    missing.rows_without_a_value
from (
    select
        {% for column in columns -%}
        count(*) - count({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ model }}
) as counted
cross join lateral (
    values
    {% for column in columns -%}
    ('{{ column }}', counted.{{ column }}){{ ',' if not loop.last }}
    {% endfor %}
) as missing (column_name, rows_without_a_value)
where missing.rows_without_a_value > 0
{% endtest %}
