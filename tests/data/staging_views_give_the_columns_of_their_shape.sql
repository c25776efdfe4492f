-- A staging view gives exactly the columns of its shape, which are those of the union's contract: by name and type; the
-- union takes them by name.
-- depends_on: {{ ref('shapes') }}

{%- set strays = [] -%}
{%- if execute -%}
    {%- for line in lines_of_shapes(shape_names()) -%}
        {%- set union = graph.nodes['model.' ~ project_name ~ '.int_' ~ line['shape'] ~ '__delivered'] -%}
        {%- set view = graph.nodes['model.' ~ project_name ~ '.' ~ line['view']] -%}
        {%- set wanted, given = [], [] -%}
        {%- for column in union['columns'].values() -%}{%- do wanted.append(column['name'] ~ ' ' ~ column['data_type']) -%}{%- endfor -%}
        {%- for column in view['columns'].values() -%}{%- do given.append(column['name'] ~ ' ' ~ column['data_type']) -%}{%- endfor -%}
        {%- if given | sort != wanted | sort or not view['config']['contract']['enforced'] -%}
            {%- do strays.append([line['view'], line['shape'], given | join(', '), wanted | join(', ')]) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif %}

{% for view, shape, given, wanted in strays -%}
select '{{ view }}' as staging_view, '{{ shape }}' as shape, '{{ given }}' as given, '{{ wanted }}' as wanted
union all
{% endfor -%}
select null as staging_view, null as shape, null as given, null as wanted where false
