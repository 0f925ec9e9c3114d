"""The staff area: the tables of the product and its ledger, to read."""
