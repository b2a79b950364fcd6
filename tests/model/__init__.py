"""An explicit-state model of the refresh protocol and of the publication, and the search that checks it."""
