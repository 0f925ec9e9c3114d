"""Every pattern of background work, to try by hand or by the API."""
