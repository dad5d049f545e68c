//! Testing applications without a server.
