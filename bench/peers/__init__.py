"""What our figures are compared with: the same work done in the usual ways, with the same libraries."""
