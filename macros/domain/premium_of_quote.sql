{#
  The middle of bid and ask where they are sane: both there, not crossed, and not farther apart than var('widest_spread') of
  their middle, or than two ticks, which is as near as cheap options are quoted.

  quote: relation with bid and ask.
#}
{% macro middle_of_quote(quote) -%}
{%- set two_ticks = 0.10 -%}
case
            when
                {{ quote }}.bid > 0
                and {{ quote }}.ask >= {{ quote }}.bid
                and {{ quote }}.ask - {{ quote }}.bid
                <= greatest({{ var('widest_spread') }} * ({{ quote }}.bid + {{ quote }}.ask) / 2, {{ two_ticks }})
                then trim_scale(({{ quote }}.bid + {{ quote }}.ask) / 2)
        end
{%- endmacro %}


{#
  The last trade's price where it is known not to be older than var('premium_staleness_limit').

  quote: relation with last_price, last_trade_after and timestamp.
#}
{% macro last_trade_of_quote(quote) -%}
case
            when {{ quote }}.last_trade_after >= {{ quote }}.timestamp - interval '{{ var("premium_staleness_limit") }}'
                then {{ quote }}.last_price
        end
{%- endmacro %}
