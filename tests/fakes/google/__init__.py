"""Google Wallet, played over real HTTP."""
