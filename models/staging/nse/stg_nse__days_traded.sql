{#- Every file that the exchange writes of a day on which it traded: where the date stands, and how it is written. -#}
{%- set dates_of_files = [
    ('nse_fo_bhavcopy_udiff', 'trad_dt', 'yyyy-mm-dd'),
    ('nse_fo_bhavcopy_legacy', 'timestamp', 'dd-mon-yyyy'),
    ('nse_cash_bhavcopy_udiff', 'trad_dt', 'yyyy-mm-dd'),
    ('nse_cash_bhavcopy_full', 'date1', 'dd-mon-yyyy'),
    ('nse_cash_bhavcopy_legacy', 'timestamp', 'dd-mon-yyyy'),
    ('nse_index_closes', 'index_date', 'dd-mm-yyyy'),
] -%}

with

-- Dates are read after the grouping, once per distinct text.
days as (

    {% for table, column, order in dates_of_files -%}
        select
            texts.load_id,
            ({{ vendor_date('texts.trade_date', order=order, load='texts.load_id') }}) as session_date,
            texts.rows
        from (
            select
                _load_id as load_id,
                btrim({{ column }}) as trade_date,
                count(*) as rows
            from {{ source('raw_nse', table) }}
            group by _load_id, btrim({{ column }})
        ) as texts
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

days_traded as (

    select
        load_id,
        session_date,
        sum(rows)::bigint as rows
    from days
    where session_date is not null
    group by load_id, session_date

)

select * from days_traded
