-- The plan of a model that follows others is made from what they have taken, so dbt has to build it after them.
-- depends_on: {{ ref('shapes') }}

{%- set strays = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.package_name == project_name -%}
        {%- set built_from = node.config.meta.get('built_from', 'ledger') -%}
        {%- set followed = {'ledger': [], 'slices': ['int_loads__slices']}[built_from] if built_from is string else built_from -%}
        {%- set above = {'ids': [], 'ahead': node.depends_on.nodes | list} -%}
        {%- do collect_what_is_above(above) -%}
        {%- for name in followed if 'model.' ~ project_name ~ '.' ~ name not in above['ids'] -%}
            {%- do strays.append([node.name, name]) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}

{% for name, follows in strays -%}
select '{{ name }}' as model, '{{ follows }}' as follows
union all
{% endfor -%}
select null as model, null as follows where false
