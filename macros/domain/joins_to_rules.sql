{#
  Joins that put the dated rules in force beside each row: ruled_lot.lot_size (see join_to_lot_rule) and ruled_tick.tick_size with the day
  from which it is valid (valid_from). They read the CTEs `lot_rules` and `tick_rules`.

  of:  the relation with exchange, underlying, instrument_type and expiry.
  day: its column with the day that is asked for.
#}
{% macro joins_to_rules(of, day) -%}
{{ join_to_lot_rule(of, day) }}
    left join lateral (
        select
            min(tick_rules.tick_size) as tick_size,
            max(tick_rules.valid_from) as valid_from
        from tick_rules
        where
            tick_rules.exchange = {{ of }}.exchange
            and tick_rules.underlying = {{ of }}.underlying
            and tick_rules.instrument_type = {{ of }}.instrument_type
            and {{ of }}.{{ day }} >= tick_rules.valid_from
            and {{ of }}.{{ day }} <= coalesce(tick_rules.valid_to, 'infinity')
    ) as ruled_tick on true
{%- endmacro %}


{#
  The join of the lot rule alone: ruled_lot.lot_size, NULL where no rule is in force or rules contradict each other. It reads the
  CTE `lot_rules`.
#}
{% macro join_to_lot_rule(of, day) -%}
left join lateral (
        select
            case
                when min(lot_rules.lot_size) = max(lot_rules.lot_size) then min(lot_rules.lot_size)
            end as lot_size
        from lot_rules
        where
            lot_rules.exchange = {{ of }}.exchange
            and lot_rules.underlying = {{ of }}.underlying
            and {{ of }}.{{ day }} >= lot_rules.valid_from
            and {{ of }}.{{ day }} <= coalesce(lot_rules.valid_to, 'infinity')
            and {{ of }}.expiry >= coalesce(lot_rules.expiry_from, '-infinity')
            and {{ of }}.expiry <= coalesce(lot_rules.expiry_to, 'infinity')
    ) as ruled_lot on true
{%- endmacro %}
