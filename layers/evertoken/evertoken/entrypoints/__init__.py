"""AWS events in, HTTP answers out: nothing here decides, and nothing below here knows an event or a status code."""
