"""The one command: `fleet`. Each group is loaded when it is called, and fleet itself knows none of them."""
