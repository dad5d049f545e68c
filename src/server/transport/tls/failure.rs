//! Why TLS has failed, for the peer, for counters, and for the log.

use rustls::{AlertDescription, Error, PeerIncompatible};

use crate::server::types::stats::Count;

/// A fatal alert before there are keys: decode_error, a length out of range (RFC 8446 6.2).
pub(super) const DECODE_ERROR: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 50];

/// Why TLS has failed on a connection.
pub(super) struct Failure {
    pub count: Count,
    /// What the client does or lacks, as the end of a sentence.
    pub text: String,
}

impl Failure {
    pub fn of(error: &Error) -> Self {
        let (count, text) = match error {
            Error::PeerIncompatible(why) => (Count::TlsNothingInCommon, in_common(why)),
            Error::NoApplicationProtocol => (Count::TlsNothingInCommon, "the client does not offer http/1.1".into()),
            Error::AlertReceived(alert) => (Count::TlsRefused, refusal(*alert)),
            Error::NoCertificatesPresented => (Count::TlsNoCertificate, "the client has no certificate".into()),
            Error::InvalidCertificate(why) => (Count::TlsNoCertificate, format!("the client's certificate: {why:?}")),
            // rustls has no variant for it. The resolver of certificates knows none for the name.
            Error::General(why) if why.contains("certificate chain") => {
                (Count::TlsNothingInCommon, "there is no certificate for what the client asks for".into())
            }
            error => (Count::TlsBroken, error.to_string()),
        };
        Failure { count, text }
    }

    /// A part of the handshake is too long.
    pub fn too_long() -> Self {
        Failure { count: Count::TlsBroken, text: "the client's part of the handshake is too long".into() }
    }
}

fn in_common(why: &PeerIncompatible) -> String {
    match why {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "the client offers no version of TLS that is spoken here".into()
        }
        // RFC 5246 7.4.1.4.1: clients of TLS 1.2 send the extension, older ones do not know it.
        PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "the client offers TLS 1.1 or older, or no signature algorithm".into()
        }
        PeerIncompatible::NoCipherSuitesInCommon => "the client offers no cipher suite that is spoken here".into(),
        PeerIncompatible::NoKxGroupsInCommon => "the client offers no key exchange that is spoken here".into(),
        PeerIncompatible::NoSignatureSchemesInCommon => "the client cannot check this kind of certificate".into(),
        why => format!("{why:?}"),
    }
}

/// The client has sent an alert (RFC 8446 6.2).
fn refusal(alert: AlertDescription) -> String {
    use AlertDescription::{BadCertificate, CertificateExpired, CertificateUnknown, UnknownCA, UserCanceled};
    match alert {
        BadCertificate | CertificateUnknown | UnknownCA => {
            format!("the client does not trust the certificate ({alert:?})")
        }
        CertificateExpired => "the client finds that the certificate has expired".into(),
        UserCanceled => "the client has given up".into(),
        alert => format!("the client has refused ({alert:?})"),
    }
}
