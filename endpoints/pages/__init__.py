"""The pages, one module each. A view checks permissions, calls one service or query, and renders a template."""
