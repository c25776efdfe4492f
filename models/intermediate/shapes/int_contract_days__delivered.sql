{{ delivered('contract_days') }}
