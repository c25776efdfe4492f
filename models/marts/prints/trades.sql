{{ prints_by_symbol('trades', ['price', 'size', 'side', 'trade_id']) }}
