{{ identified_prints('trades', ['price', 'size', 'side', 'trade_id'], number='trade_id') }}
