"""Points: the ledger that holds them, the rules that give them, the receipts that move them."""
