"""Studies: victims x conditions x people, run cell by cell into rows."""
