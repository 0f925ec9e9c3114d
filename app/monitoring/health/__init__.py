"""How the system is: looked at every few seconds, remembered, and told when it is not well."""
