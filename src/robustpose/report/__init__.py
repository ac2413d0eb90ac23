"""The report: tables, charts, overlays and one page, read from rows alone."""
