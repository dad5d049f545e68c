//! RFC 6455 §5 to §8 without I/O.
