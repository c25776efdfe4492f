{#
  Lots as units of the underlying. NULL where the lot is not known, and where lots times lot is not a whole number of units, apart from the
  rounding of the quotient: the feed has then divided by another lot.

  lots:     numeric, fractions allowed.
  lot_size: units per lot.
#}
{% macro units_of_lots(lots, lot_size) -%}
case
            when abs({{ lots }} * {{ lot_size }} - round({{ lots }} * {{ lot_size }})) < 0.001
                then round({{ lots }} * {{ lot_size }})
        end
{%- endmacro %}
