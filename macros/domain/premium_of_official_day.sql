{#
  The premium of an option on an official day: its close, or the settlement price where it was not traded. On the day of expiry the
  settlement price is the underlying's value, and no premium; a price of 0 was not computed.

  official: relation with is_traded, close, settlement_price, session_date and expiry.
#}
{% macro premium_of_official_day(official) -%}
case
            when {{ official }}.is_traded then {{ official }}.close
            when {{ official }}.session_date < {{ official }}.expiry then nullif({{ official }}.settlement_price, 0)
        end
{%- endmacro %}


{# The kind of that premium, or the kind that it would be: it is solved with a forward of this kind. #}
{% macro kind_of_official_premium(official) -%}
case when {{ official }}.is_traded then 'trade' else 'settlement' end
{%- endmacro %}
