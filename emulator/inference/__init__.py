"""What endpoints serve at their own addresses: a stand-in that checks keys and limits, and invents its answers."""
