"""The figures of HRNet's evaluation on seeded maps, and how they were made."""
