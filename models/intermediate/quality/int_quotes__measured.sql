{{ measured_prints('quotes', price='(bid + ask) / 2', bid='bid', ask='ask') }}
