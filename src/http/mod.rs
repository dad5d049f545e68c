//! The opening handshake and the little HTTP around it, without I/O (RFC 6455 §4.2).
