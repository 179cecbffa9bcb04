"""People that are drawn, for where no photographs are."""
