"""How the published APGD climbs a small network's loss, and how that was recorded."""
