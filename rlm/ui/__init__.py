"""What people see. Renderers take events and know nothing of models."""
