"""Ready configurations of fine-tuning frameworks. Nothing of a framework is imported."""
