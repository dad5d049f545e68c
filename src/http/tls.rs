//! The TLS connection by which a request has come, for handlers. Nothing here speaks TLS: the server fills it in.

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// The TLS connection by which a request has come. [`Request::tls`](super::Request::tls) has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestTls {
    /// The version that client and server have agreed on.
    pub version: TlsVersion,
    /// The name that the client has asked for (SNI, RFC 6066 §3), a valid DNS name. It need not be that of Host.
    pub server_name: Option<String>,
    /// The client's own certificate in DER (RFC 5280), without those that lead to its authority. An authority that the
    /// server trusts has signed it, and the client has its key. `None`: the client was not asked for a certificate, or need
    /// not have one and has shown none. A client that resumes a session has the one that it showed when the session began.
    pub certificate: Option<Vec<u8>>,
}
