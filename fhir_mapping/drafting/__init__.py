"""Facts in the making, and what words, absences and modifiers say of them."""
