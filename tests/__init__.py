"""Stories of the card service, played against its real parts."""
