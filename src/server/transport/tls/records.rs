//! Records in buffers of the caller: the calls of rustls' API without buffers, which another version of it would replace.

use std::io::{self, ErrorKind};

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus};
use rustls::{Error, ProtocolVersion};

use super::failure::Failure;
use crate::http::{RequestTls, TlsVersion};
use crate::server::transport::layer::Output;

/// The outcome of [`read`].
#[derive(Default)]
pub(super) struct Read {
    /// Bytes of the input that are done with, and bytes of plaintext.
    pub used: usize,
    pub len: usize,
    /// close_notify has come.
    pub is_closed: bool,
    pub failure: Option<Failure>,
}

/// Decrypts records into `buffer`, which must have room, and answers those of the handshake in `output`.
pub(super) fn read(
    connection: &mut UnbufferedServerConnection,
    input: &mut [u8],
    buffer: &mut [u8],
    output: &mut Output,
) -> Read {
    let mut it = Read::default();
    loop {
        let UnbufferedStatus { mut discard, state } =
            connection.process_tls_records(input.get_mut(it.used..).unwrap_or_default());
        let mut is_done = false;
        match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            copy(record.payload, buffer.get_mut(it.len..).unwrap_or_default());
                            it.len += record.payload.len();
                            discard += record.discard;
                        }
                        Err(error) => it.failure = Some(Failure::of(&error)),
                    }
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => encode(output, |room| data.encode(room)),
            // The output leaves when all of the input has been read.
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => (it.is_closed, is_done) = (true, true),
            Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => is_done = true,
            // Early data is not accepted, so none comes.
            Ok(_) => it.failure = Some(Failure::of(&Error::HandshakeNotComplete)),
            Err(error) => it.failure = Some(Failure::of(&error)),
        }
        it.used += discard;
        if it.failure.is_some() {
            alert(connection, input.get_mut(it.used..).unwrap_or_default(), output);
        }
        if is_done || it.failure.is_some() {
            return it;
        }
    }
}

/// Encrypts bytes of the application. `partial` is the part of a record that was kept.
pub(super) fn encrypt(
    connection: &mut UnbufferedServerConnection,
    partial: &mut [u8],
    plain: &[u8],
    output: &mut Output,
) -> io::Result<()> {
    loop {
        // The part of a record must be shown again, though it cannot be complete.
        match connection.process_tls_records(partial).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let mut exhausted = false;
                output.write(|room| match traffic.encrypt(plain, room) {
                    Ok(written) => Ok(written),
                    Err(EncryptError::InsufficientSize(error)) => Err(error.required_size),
                    Err(EncryptError::EncryptExhausted) => {
                        exhausted = true;
                        Ok(0)
                    }
                });
                return if exhausted { Err(io::Error::other("its TLS keys are used up")) } else { Ok(()) };
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => encode(output, |room| data.encode(room)),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => {}
            Ok(_) => return Err(ErrorKind::NotConnected.into()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

/// Writes the alert that a failed connection owes its peer, if it does.
fn alert(connection: &mut UnbufferedServerConnection, rest: &mut [u8], output: &mut Output) {
    // Where there is nothing to write, the input would be read again.
    while connection.wants_write() {
        let Ok(ConnectionState::EncodeTlsData(mut data)) = connection.process_tls_records(rest).state else { return };
        encode(output, |room| data.encode(room));
    }
}

/// Says that nothing more follows, once.
pub(super) fn close_notify(connection: &mut UnbufferedServerConnection, partial: &mut [u8], output: &mut Output) {
    loop {
        match connection.process_tls_records(partial).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                return output.write(|room| match traffic.queue_close_notify(room) {
                    Err(EncryptError::InsufficientSize(error)) => Err(error.required_size),
                    written => Ok(written.unwrap_or_default()),
                });
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => encode(output, |room| data.encode(room)),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => {}
            // The handshake is not complete, or it has been said.
            Ok(_) | Err(_) => return,
        }
    }
}

fn encode(output: &mut Output, mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>) {
    output.write(|room| match encode(room) {
        Ok(written) => Ok(written),
        Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size, .. })) => Err(required_size),
        Err(EncodeError::AlreadyEncoded) => Ok(0),
    });
}

/// What a request may know of its connection.
pub(super) fn facts(connection: &UnbufferedServerConnection, server_name: Option<&str>) -> RequestTls {
    let is_1_3 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    RequestTls {
        version: if is_1_3 { TlsVersion::V1_3 } else { TlsVersion::V1_2 },
        server_name: server_name.map(str::to_owned),
        certificate: certificate.map(|certificate| certificate.to_vec()),
    }
}

/// The most bytes that a connection keeps of those that its peer has sent: of `shaken` bytes of the handshake while that is
/// not complete, then the certificates.
pub(super) fn kept(connection: &UnbufferedServerConnection, shaken: usize) -> usize {
    if connection.is_handshaking() {
        return shaken;
    }
    connection.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.len()).sum()
}

/// Copies bytes to the front of a buffer that has room for them.
pub(super) fn copy(from: &[u8], to: &mut [u8]) {
    if let Some(place) = to.get_mut(..from.len()) {
        place.copy_from_slice(from);
    } else {
        debug_assert!(false, "no room");
    }
}
