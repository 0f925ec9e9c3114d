"""What operators see and do: queues, kinds, workers, errors, bulk operations, and the audit log."""
