{#
  Greeks of one lot: those of one unit times the lot size, NULL where the lot size is not known.

  of: the relation that has both.
#}
{% macro per_lot(of) -%}
{%- for greek in ['delta', 'gamma', 'theta', 'vega', 'rho'] %}
        {{ of }}.{{ greek }} * {{ of }}.lot_size as {{ greek }}_per_lot{{ ',' if not loop.last }}
{%- endfor %}
{%- endmacro %}
