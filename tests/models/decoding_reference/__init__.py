"""Where published code finds joints on seeded maps, and how those figures were made."""
