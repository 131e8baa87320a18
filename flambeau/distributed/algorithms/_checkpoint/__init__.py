"""Modules that keep less of what their backward passes need."""
