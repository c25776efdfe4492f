{{ delivered('trades') }}
