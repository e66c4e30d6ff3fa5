"""What Uproar does: touch the world. Sources bring posts, the store keeps, reports show, Prefect conducts."""
