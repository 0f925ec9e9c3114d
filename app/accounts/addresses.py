"""E-mail addresses: which are well-formed, and when two are the same."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

LONGEST = 254


def read_address(text: str) -> str:
    """The address as it is kept and shown. Also one of a home network, such as ada@server, will do.

    Raises ValueError with a sentence.
    """
    typed = text.strip()
    if len(typed) > LONGEST:
        raise ValueError(f"An e-mail address may have {LONGEST} characters.")
    try:
        found = validate_email(typed, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise ValueError("Enter an e-mail address like ada@example.org.") from None
    return found.normalized


def address_key(address: str) -> str:
    """The form in which addresses are compared: Ada@Example.org and ada@example.org are one person."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()[: 2 * LONGEST]
