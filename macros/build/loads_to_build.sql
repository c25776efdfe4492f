{#
  The loads whose rows the model's next build reads, as an array for `load_id = any (…)`: a scalar subquery, so that
  the BRIN index on the raw table's _load_id is used and nothing else of the table is read.

  model_name: whose build it is; of a view that only one model reads, that model. Default: the model that it stands in.
#}
{% macro loads_to_build(model_name=none) -%}
array(
  select planned.load_id from {{ source('audit', 'loads_to_build') }} as planned
  where planned.model = '{{ model_name or model.name }}' and planned.change <> 'removed'
)
{%- endmacro %}


{# The slices that the model's next build replaces, as a relation to join. #}
{% macro slices_to_build() -%}
{%- do ref('int_loads__slices') -%}{# the plan is made from it #}
(
  select planned.instrument_type, planned.underlying, planned.session_date
  from {{ source('audit', 'slices_to_build') }} as planned
  where planned.model = '{{ model.name }}'
)
{%- endmacro %}
