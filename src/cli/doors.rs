//! Opens the doors of the server: binds the addresses of a plan, and knows what is spoken at each.

use std::io::ErrorKind;

use super::address;
use super::failure::Failure;
use crate::{Door, ListenAddr, Server, Tls};

/// The protocol at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// Plain HTTP and WebSockets.
    Http,
    /// The same by TLS.
    Https,
    /// Plain HTTP, where every request is sent on to https.
    Redirect,
}

/// An address that the server listens on.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub address: ListenAddr,
    /// The address as it was given. A name stands for several.
    pub given: String,
    pub speaks: Speaks,
}

/// Binds all addresses: first those of the apps, in their order, then those that lead to the first of them that speaks
/// TLS.
///
/// # Errors
/// Names the address that cannot be had.
pub(super) fn open(
    mut server: Server,
    listen: &[String],
    redirect: &[String],
    tls: Option<&Tls>,
) -> Result<(Server, Vec<Opened>), Failure> {
    let (mut opened, mut earlier): (Vec<Opened>, Vec<&str>) = (Vec::new(), Vec::new());
    let places = listen.iter().map(|text| (text, false)).chain(redirect.iter().map(|text| (text, true)));
    for (text, leads_on) in places {
        let given = address::bare(text);
        let mut door = Door::new(given);
        let speaks = match tls {
            Some(_) if leads_on => Speaks::Redirect,
            Some(_) if address::may_speak_tls(text) => Speaks::Https,
            _ => Speaks::Http,
        };
        match speaks {
            Speaks::Http => {}
            Speaks::Https => door.rules.tls = tls.cloned(),
            Speaks::Redirect => door = door.redirect_to_https(first_port(&opened)),
        }
        server = listen_on(server, door, given, &earlier)?;
        earlier.push(given);
        let addresses = server.local_addrs().into_iter().skip(opened.len());
        opened.extend(addresses.map(|address| Opened { address, given: given.to_owned(), speaks }));
    }
    Ok((server, opened))
}

/// The port of the first address that speaks TLS.
fn first_port(opened: &[Opened]) -> u16 {
    let port = opened.iter().filter(|it| it.speaks == Speaks::Https).find_map(|it| match it.address {
        ListenAddr::Tcp(address) => Some(address.port()),
        ListenAddr::Unix(_) => None,
    });
    // A plan with a redirect has such an address.
    port.unwrap_or(443)
}

/// Listens at the address of a door, after all earlier ones.
fn listen_on(server: Server, door: Door, address: &str, earlier: &[&str]) -> Result<Server, Failure> {
    server.listen(door).map_err(|error| {
        let is_used = error.kind() == ErrorKind::AddrInUse;
        let Some(own) = earlier.iter().find(|own| is_used && address::overlap(own, address)) else {
            return Failure::start(error);
        };
        let starts = |start: &str| own.starts_with(start) || address.starts_with(start);
        Failure::Usage(match () {
            () if *own == address => format!("cannot listen on {address} twice: leave one of the two out"),
            () if starts("[::]") => format!("{own} and {address} overlap: [::] alone takes IPv4, too"),
            () if starts("0.0.0.0") => format!("{own} and {address} overlap: 0.0.0.0 alone takes all of IPv4"),
            () => format!("{own} and {address} overlap: leave one of the two out"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn addresses_that_overlap_are_not_blamed_on_another_program() {
        let listen = |address: &str| Server::new(Config::default()).unwrap().listen(address);
        let port = |server: &Server| server.local_addrs()[0].to_string().rsplit(':').next().unwrap().to_owned();
        let path = std::env::temp_dir().join(format!("sockhop-{}-twice", std::process::id()));
        let socket = format!("unix:{}", path.display());
        for (one, other, hint) in [
            ("0.0.0.0:", "[::]:", "[::] alone takes IPv4, too"),
            ("[::]:", "127.0.0.1:", "[::] alone takes IPv4, too"),
            ("127.0.0.1:", "0.0.0.0:", "0.0.0.0 alone takes all of IPv4"),
            ("localhost:", "0.0.0.0:", "0.0.0.0 alone takes all of IPv4"),
            ("127.0.0.1:", "127.0.0.1:", ""),
            ("localhost:", "localhost:", ""),
            ("localhost:", "127.0.0.1:", "leave one of the two out"),
            (&socket, &format!("{socket}?mode=0660"), "leave one of the two out"),
        ] {
            let is_unix = one == socket;
            // A machine may be without IPv6.
            let Ok(server) = listen(&if is_unix { one.to_owned() } else { format!("{one}0") }) else { continue };
            let port = if is_unix { String::new() } else { port(&server) };
            let given = [format!("{one}{port}"), format!("{other}{port}")];
            let expected = match one == other {
                true => format!("cannot listen on {} twice: leave one of the two out", given[0]),
                false => format!("{} overlap: {hint}", given.join(" and ")),
            };
            match listen_on(server, given[1].as_str().into(), &given[1], &[&given[0]]) {
                Err(Failure::Usage(error)) => assert_eq!(error, expected),
                Err(Failure::Run(error)) => assert_ne!(error.kind(), ErrorKind::AddrInUse, "{expected}"),
                Ok(_) | Err(Failure::Read(..)) => panic!("not: {expected}"),
            }
        }
    }
}
