"""The review desk's server: routes, wire types, sessions, jobs. Serves the built front end."""
