{{ delivered('chain_snapshots') }}
