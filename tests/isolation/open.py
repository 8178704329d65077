"""No filter at all: what every check of the proxy must notice."""
