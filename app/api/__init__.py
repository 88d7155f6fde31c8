"""The HTTP interface: the ask stream, what the page reads besides, and errors as RFC 9457 problems."""
