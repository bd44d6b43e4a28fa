"""Outside services, played over real sockets as their vendors document them, with faults on demand."""
