"""From the record to a running function: the only importer of dramatiq."""
