"""Collectors: Airbyte source connectors, and the lander that brings any of them into the warehouse."""
