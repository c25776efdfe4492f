-- Behind the unions of the shapes no model knows a source: only they read staging views, each the views of its own shape, and every view
-- stands in the list.
-- depends_on: {{ ref('shapes') }}

{%- set strays = [] -%}
{%- if execute -%}
    {%- set shape_of_view = {} -%}
    {%- for line in lines_of_shapes(shape_names()) -%}
        {%- do shape_of_view.update({'model.' ~ project_name ~ '.' ~ line['view']: line['shape']}) -%}
    {%- endfor -%}
    {%- for id, node in graph.nodes.items() if node.resource_type == 'model' and node.package_name == project_name -%}
        {%- if node.name.startswith('stg_') and id not in shape_of_view -%}
            {%- do strays.append([node.name, 'no line of the list of shapes']) -%}
        {%- endif -%}
        {%- for read in node.depends_on.nodes if read.split('.')[-1].startswith('stg_') and node.fqn[1] != 'staging' -%}
            {%- if node.name != 'int_' ~ shape_of_view.get(read) ~ '__delivered' -%}{%- do strays.append([node.name, read]) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif %}

{% for name, read in strays -%}
select '{{ name }}' as model, '{{ read }}' as reads
union all
{% endfor -%}
select null as model, null as reads where false
