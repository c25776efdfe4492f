-- Two rules of an underlying that hold for the same expiry on the same trade date name the same lot.

select
    one.underlying,
    greatest(one.valid_from, other.valid_from) as trade_date,
    one.lot_size,
    one.source,
    other.lot_size as other_lot_size,
    other.source as other_source
from {{ ref('lot_size_rules') }} as one
inner join {{ ref('lot_size_rules') }} as other
    on one.exchange = other.exchange
    and one.underlying = other.underlying
    and one.lot_size < other.lot_size
    and one.valid_from <= coalesce(other.valid_to, 'infinity')
    and other.valid_from <= coalesce(one.valid_to, 'infinity')
    and coalesce(one.expiry_from, '-infinity') <= coalesce(other.expiry_to, 'infinity')
    and coalesce(other.expiry_from, '-infinity') <= coalesce(one.expiry_to, 'infinity')
