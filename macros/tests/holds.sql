{#
  Returns what does not hold for the rows of a table: `broken` says what, `rows` in how many rows. One test for all assertions of a table, because
  a view of many views takes longer to plan than to read, and dbt runs each test on a connection of its own
  (docs/decisions/0161-a-table-has-one-test-of-what-holds.md).

  never_null: the columns that always have a value.
  unique:     the columns that together identify a row.
  ranges:     the bounds of a column's values, by column: at_least, above (the bound itself is not allowed), at_most, below. NULL lies in every range.
  values:     the values that a column may have, by column. NULL is always allowed.
#}
{% test holds(model, never_null=[], unique=[], ranges={}, values={}) %}
{%- set broken = [] -%}
{%- for column in never_null -%}
  {%- do broken.append({'what': column ~ ' is NULL', 'rows': column ~ ' is null'}) -%}
{%- endfor -%}
{%- set operators = {'at_least': '<', 'above': '<=', 'at_most': '>', 'below': '>='} -%}
{%- for column, bounds in ranges.items() -%}
  {%- for name, bound in bounds.items() -%}
    {%- if name not in operators -%}
      {{ exceptions.raise_compiler_error("holds: the range of " ~ column ~ " has at_least, above, at_most or below, not " ~ name) }}
    {%- endif -%}
    {%- set outside = column ~ ' ' ~ operators[name] ~ ' ' ~ bound -%}
    {%- do broken.append({'what': outside, 'rows': outside}) -%}
  {%- endfor -%}
{%- endfor -%}
{%- for column, allowed in values.items() -%}
  {%- set literals = [] -%}
  {%- for value in allowed -%}{%- do literals.append(value if value is number else "'" ~ value ~ "'") -%}{%- endfor -%}
  {%- do broken.append({'what': column ~ ' is none of ' ~ allowed | join(', '), 'rows': column ~ ' not in (' ~ literals | join(', ') ~ ')'}) -%}
{%- endfor -%}
{%- if not broken and not unique -%}
  {{ exceptions.raise_compiler_error("holds needs never_null, unique, ranges or values") }}
{%- endif -%}
{%- set read = never_null + unique + ranges | list + values | list -%}
with

under_test as {{ 'materialized' if node_under_test().get('config', {}).get('materialized') == 'view' }} (

    select {{ read | unique | join(', ') }} from {{ model }}

)

{% if broken -%}
select
    counted.broken,
    counted.rows
from (
    select
        {% for one in broken -%}
        count(*) filter (where {{ one['rows'] }}) as broken_{{ loop.index }}{{ ',' if not loop.last }}
        {% endfor %}
    from under_test
) as counts
cross join lateral (
    values
    {% for one in broken -%}
    ('{{ one["what"] | replace("'", "''") }}', counts.broken_{{ loop.index }}){{ ',' if not loop.last }}
    {% endfor %}
) as counted (broken, rows)
where counted.rows > 0
{%- endif %}
{% if broken and unique %}union all{% endif %}
{% if unique -%}
select
    '{{ unique | join(", ") }}: more than one row' as broken,
    count(*) as rows
from under_test
group by {{ unique | join(', ') }}
having count(*) > 1
{%- endif %}
{% endtest %}
