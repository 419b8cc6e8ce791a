"""The signed record that admits a model: what the service asks for before it serves patients."""
