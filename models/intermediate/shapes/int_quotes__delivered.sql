{{ delivered('quotes') }}
