"""Samples that look protected are left out."""
