with

raw_rows as (

    select * from {{ source('raw_nse', 'nse_index_closes') }}

),

typed as (

    select
        -- ids
        'NSE' as exchange,
        upper(regexp_replace(btrim({{ key_text('raw_rows.index_name') }}), '\s+', ' ', 'g')) as index_name,

        -- times
        cells.session_date,

        -- prices, in points of the index
        cells.open,
        cells.high,
        cells.low,
        cells.close,

        -- what the file says beside them
        cells.volume,
        cells.turnover_crores * 10000000 as turnover,
        cells.price_to_earnings,
        cells.price_to_book,
        cells.dividend_yield,

        -- judgement
        case
            {{ keys_too_long({'raw_rows.index_name': 'name of the index'}) -}}
            when coalesce(btrim(raw_rows.index_name), '') = '' then 'symbol is missing'
            when cells.session_date is null then {{ no_date('raw_rows.index_date', "'impossible trade date'") }}
            when cells.close is null then 'missing price'
            when
                (coalesce(btrim(raw_rows.open), '-') not in ('', '-') and cells.open is null)
                or (coalesce(btrim(raw_rows.high), '-') not in ('', '-') and cells.high is null)
                or (coalesce(btrim(raw_rows.low), '-') not in ('', '-') and cells.low is null)
                then 'price is not a number'
            when least(cells.open, cells.high, cells.low, cells.close) <= 0 then 'price is not above zero'
            when cells.high < cells.low then 'high below low'
        end as quarantine_reason,

        -- provenance
        raw_rows._load_id as load_id,
        raw_rows._line as line

    from raw_rows
    cross join lateral (
        -- a dash stands for what an index does not have, and is no number
        select
            ({{ vendor_date(
                'btrim(raw_rows.index_date)', order='dd-mm-yyyy', load='raw_rows._load_id',
            ) }}) as session_date,
            {{ vendor_number('raw_rows.open') }} as open,
            {{ vendor_number('raw_rows.high') }} as high,
            {{ vendor_number('raw_rows.low') }} as low,
            {{ vendor_number('raw_rows.close') }} as close,
            {{ vendor_quantity('raw_rows.volume') }} as volume,
            {{ vendor_number('raw_rows.turnover_crores') }} as turnover_crores,
            {{ vendor_number('raw_rows.price_to_earnings') }} as price_to_earnings,
            {{ vendor_number('raw_rows.price_to_book') }} as price_to_book,
            {{ vendor_number('raw_rows.dividend_yield') }} as dividend_yield
        from (select 1) as once
        offset 0
    ) as cells

)

select * from typed
