{#
  Whether the exchange's name of a contract says other terms than its row: NIFTY25AUG24500CE, NIFTY2580724500CE, NIFTY25AUGFUT. A name on
  another contract's row would make a second contract of the same terms. The parts that every form of the name has are compared: the
  underlying in front, strike and type at the end. In between, a month must be that of the expiry, because the exchange re-dates contracts
  within their month, and a day must lie within a week of it. Anything written otherwise says nothing.

  symbol, underlying, expiry, strike: the row's cells, read.
  kind: CE, PE or FUT, as the end of the name would say it; anything else is not known, and the end is not compared.
#}
{% macro contradicts_symbol(symbol, underlying, expiry, strike, kind) -%}
{%- set tail -%}
case
          when {{ kind }} in ('CE', 'PE') then trim_scale({{ strike }})::text || {{ kind }}
          when {{ kind }} = 'FUT' then 'FUT'
          else ''
        end
{%- endset -%}
(
  select case
    when not starts_with({{ symbol }}, {{ underlying }}) or right({{ symbol }}, length(ends.tail)) <> ends.tail then true
    when ends.middle ~ '^\d\d[A-Z]{3}$' then ends.middle <> to_char({{ expiry }}, 'YYMON')
    when ends.middle ~ '^\d\d[1-9OND]\d\d$'
      then abs({{ expiry }} - (
        make_date(2000 + left(ends.middle, 2)::integer, strpos('123456789OND', substr(ends.middle, 3, 1)), 1)
        + (right(ends.middle, 2)::integer - 1)
      )) > 7
    else false
  end
  from (
    select
      tails.tail,
      substr(
        {{ symbol }}, length({{ underlying }}) + 1,
        greatest(0, length({{ symbol }}) - length({{ underlying }}) - length(tails.tail))
      ) as middle
    from (select {{ tail }} as tail) as tails
  ) as ends
)
{%- endmacro %}
