"""How people hear of an alert: a file, a mail, a webhook."""
