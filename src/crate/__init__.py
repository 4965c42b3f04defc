"""A sweep handed over: an archive that a reviewer can open, check and repeat (RO-Crate)."""
