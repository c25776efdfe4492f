{#
  The loads whose rows the model's next build reads, as an array for `load_id = any (…)`: a scalar subquery, so that
  the BRIN index on the raw table's _load_id is used and nothing else of the table is read.

  model_name: the model whose build it is; in a view that only one model reads, that reader. Default: the model that the call stands in.
#}
{% macro loads_to_build(model_name=none) -%}
array(
  select planned.load_id from {{ own_table('audit', 'loads_to_build') }} as planned
  where planned.model = '{{ model_name or model.name }}' and planned.change <> 'removed'
)
{%- endmacro %}


{#
  The rows that the model's next build reads, as a condition on `load_id` and `line`: all rows of the loads that are new to it and, from the
  loads that share a slice with one of these, the rows between the first and the last line of such slices. Made of scalar subqueries, as
  loads_to_build is.

  If no load is read again, the second half reads nothing.
#}
{% macro rows_to_build() -%}
{%- set planned = "(select planned.load_id from " ~ own_table('audit', 'loads_to_build') ~ " as planned where planned.model = '" ~ model.name ~ "' and planned.change = '" -%}
{%- set bounds = " from " ~ own_table('audit', 'loads_to_build') ~ " as planned where planned.model = '" ~ model.name ~ "' and planned.change = 'kept'" -%}
(
  load_id = any(array{{ planned }}added'))
  or (
    load_id = any(array{{ planned }}kept'))
    and line >= (select min(coalesce(planned.first_line, 0)){{ bounds }})
    and line <= (select max(coalesce(planned.last_line, 9223372036854775807)){{ bounds }})
  )
)
{%- endmacro %}


{# The slices that the model's next build replaces, as a relation to join. #}
{% macro slices_to_build() -%}
{%- do ref('int_loads__slices') -%}{# the plan is made from it #}
(
  select planned.instrument_type, planned.exchange, planned.slice_group, planned.session_date
  from {{ own_table('audit', 'slices_to_build') }} as planned
  where planned.model = '{{ model.name }}'
)
{%- endmacro %}
