{#
  Returns the rows whose value lies outside a range; NULL lies in every range.

  at_least, above: the smallest value, allowed or not itself allowed.
  at_most, below:  the largest value, allowed or not itself allowed.
#}
{% test accepted_range(model, column_name, at_least=none, above=none, at_most=none, below=none) %}
{%- set outside = [] -%}
{%- for operator, bound in [('<', at_least), ('<=', above), ('>', at_most), ('>=', below)] if bound is not none -%}
  {%- do outside.append(column_name ~ ' ' ~ operator ~ ' ' ~ bound) -%}
{%- endfor -%}
{%- if not outside -%}
  {{ exceptions.raise_compiler_error("accepted_range of " ~ column_name ~ " needs at_least, above, at_most or below") }}
{%- endif %}
select *
from {{ model }}
where {{ outside | join(' or ') }}
{% endtest %}
