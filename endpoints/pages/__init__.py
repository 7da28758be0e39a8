"""The pages, a module each. Views check who asks, call one service or query, and render."""
