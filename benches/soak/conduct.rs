//! The behaviour of the clients, and their checks of the server.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::crowd::Crowd;
use super::flavour::Flavour;
use super::peer::{Peer, Phase, Role, split_frame};
use super::room::{Ear, Room};
use crate::common::raw::{self, BINARY, CLOSE, FIN, PING, PONG};

/// The most reads of one client in a turn, and the most bytes of a flood that it sends in a turn.
const READS: usize = 4;
const FLOOD_BUDGET: usize = 256 * 1024;
/// The bytes that a deaf client sends each time, and the pause between two times.
const DEAF_BUDGET: usize = 128 * 1024;
const DEAF_EVERY: Duration = Duration::from_millis(100);

/// The reason why a client ends.
pub enum End {
    /// The end of the stream.
    Eof,
    Io(io::Error),
    /// The server has done something wrong.
    Wrong(String),
    /// The client resets the connection.
    Reset,
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        End::Io(error)
    }
}

impl From<String> for End {
    fn from(what: String) -> Self {
        End::Wrong(what)
    }
}

impl Crowd<'_> {
    /// Sends the request; a dawdler sends only a part of it.
    pub(super) fn greet(&mut self, key: usize) {
        let path = match self.peers[key].role {
            Role::Publisher(room) | Role::Subscriber(room) | Role::Slow(room) | Role::Resetter(room) => {
                self.rooms[room].path
            }
            _ => "/echo",
        };
        let mut request = format!("{}\r\n", raw::request(path)).into_bytes();
        if self.peers[key].role == Role::Dawdler {
            request.truncate(self.below(request.len()));
        }
        let said = self.peers[key].say(&request);
        self.settle(key, said.map(|()| false).map_err(End::Io));
    }

    /// Writes queued bytes and reads from the socket.
    pub(super) fn serve(&mut self, key: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let served = self.transfer(key, &mut buffer);
        self.buffer = buffer;
        self.settle(key, served);
    }

    /// Returns whether the client must be served again without an event.
    fn transfer(&mut self, key: usize, buffer: &mut [u8]) -> Result<bool, End> {
        let is_flooding = self.is_flooding();
        let Some(peer) = self.peers.get_mut(key) else { return Ok(false) };
        peer.flush()?;
        let mut again = false;
        if let (Role::Flood(flavour), Phase::Open, true) = (peer.role, peer.phase, is_flooding) {
            again = peer.repeat(&self.flavours[flavour].request, FLOOD_BUDGET)?;
        }
        if peer.is_asleep {
            return Ok(false);
        }
        let goes = matches!(peer.role, Role::Resetter(_)) && peer.phase == Phase::Open && peer.act_at <= self.now;
        if goes && peer.read(&mut buffer[..10])? != Some(0) {
            return Err(End::Reset);
        }
        for _ in 0..READS {
            match self.peers[key].read(buffer)? {
                Some(0) => return Ok(again),
                Some(len) => self.receive(key, &buffer[..len])?,
                None => return Err(End::Eof),
            }
        }
        Ok(true)
    }

    fn receive(&mut self, key: usize, bytes: &[u8]) -> Result<(), End> {
        self.live.bytes_in.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // While bytes arrive, the client is not stuck: the server may have a long flood to answer.
        self.peers[key].since = self.now;
        let mut kept = std::mem::take(&mut self.peers[key].inbox);
        let mut rest = bytes;
        if !kept.is_empty() {
            kept.extend_from_slice(bytes);
            rest = &kept;
        }
        if self.peers[key].phase == Phase::Handshake {
            rest = self.open_handshake(key, rest)?;
        }
        let is_open = self.peers[key].phase != Phase::Handshake;
        if let (Role::Flood(flavour), true) = (self.peers[key].role, is_open) {
            rest = self.peers[key].compare(&self.flavours[flavour], rest)?;
        }
        while is_open && let Some((first, payload, behind)) = split_frame(rest)? {
            self.frame(key, first, payload)?;
            rest = behind;
        }
        self.peers[key].inbox = rest.to_vec();
        Ok(())
    }

    /// Checks and removes the server's opening handshake, if it is complete.
    fn open_handshake<'b>(&mut self, key: usize, bytes: &'b [u8]) -> Result<&'b [u8], End> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(bytes) };
        let (now, role) = (self.now, self.peers[key].role);
        let head = &bytes[..end];
        if role == Role::Dawdler {
            // Its answer is checked at the end of the stream.
            return Ok(bytes);
        }
        let accepts = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        if !head.starts_with(b"HTTP/1.1 101 ") || !head.windows(accepts.len()).any(|it| it == accepts) {
            return Err(End::Wrong(format!("{role:?} was answered {:?}", String::from_utf8_lossy(head))));
        }
        self.peers[key].enter(Phase::Open, now);
        self.peers[key].ear = match role {
            // A relay sends to everyone else.
            Role::Publisher(room) if self.rooms[room].path == "/relay" => None,
            Role::Publisher(room) | Role::Subscriber(room) | Role::Slow(room) | Role::Resetter(room) => {
                Some(Ear::new(&mut self.rooms[room]))
            }
            _ => None,
        };
        Ok(&bytes[end + 4..])
    }

    fn frame(&mut self, key: usize, first: u8, payload: &[u8]) -> Result<(), End> {
        let peer = &mut self.peers[key];
        match (first, peer.ear.as_mut(), peer.role) {
            (_, _, role) if peer.phase == Phase::Closed => {
                Err(End::Wrong(format!("{role:?} got a frame behind the Close: {first:#x}")))
            }
            // 5.5.1: no frame follows a Close, so a Ping that has crossed it is not answered.
            (PING_FRAME, _, _) if peer.phase != Phase::Open => Ok(()),
            (PING_FRAME, _, _) => Ok(peer.say(&raw::frame(FIN | PONG, payload))?),
            (CLOSE_FRAME, _, _) => self.close_frame(key, payload),
            (
                BINARY_FRAME,
                Some(ear),
                Role::Publisher(room) | Role::Subscriber(room) | Role::Slow(room) | Role::Resetter(room),
            ) => {
                self.live.messages.fetch_add(1, Ordering::Relaxed);
                Ok(ear.hear(&mut self.rooms[room], payload)?)
            }
            (_, _, role) => Err(End::Wrong(format!("{role:?} got {first:#x} with {} bytes", payload.len()))),
        }
    }

    fn close_frame(&mut self, key: usize, payload: &[u8]) -> Result<(), End> {
        let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
        let peer = &mut self.peers[key];
        let is_right = match (peer.role, peer.phase) {
            (Role::Slow(_), _) if code == 1013 => true,
            (Role::Violator(which), Phase::Closing) => code == self.violations[which].1,
            (_, Phase::Closing) => code == 1000,
            _ => false,
        };
        if !is_right {
            return Err(End::Wrong(format!("{:?} got Close {code} in {:?}", peer.role, peer.phase)));
        }
        if let (Role::Flood(flavour), false) = (peer.role, peer.has_all(&self.flavours)) {
            let name = self.flavours[flavour].name;
            return Err(End::Wrong(format!("{name}: {} bytes sent, {} answered", peer.asked, peer.answered)));
        }
        if code == 1000 && peer.ear.as_ref().is_some_and(|ear| !ear.has_heard(peer.owed)) {
            return Err(End::Wrong(format!("{:?} has missed messages before {}", peer.role, peer.owed)));
        }
        if peer.phase == Phase::Open || matches!(peer.role, Role::Violator(_)) {
            peer.say(&raw::close(code, ""))?;
        }
        peer.enter(Phase::Closed, self.now);
        self.tally.count(format!("{} {code}", peer.role.plural()));
        Ok(())
    }

    /// Continues or ends a client, depending on how serving it went.
    pub(super) fn settle(&mut self, key: usize, served: Result<bool, End>) {
        let end = match served {
            Ok(true) => return self.again.push(key),
            Ok(false) => return,
            Err(end) => end,
        };
        let peer = self.remove(key);
        let (role, phase) = (peer.role, peer.phase);
        let may_be_reset = matches!(role, Role::Slow(_) | Role::Deaf(_) | Role::Dawdler)
            || matches!((role, phase), (Role::Violator(_), Phase::Closed));
        match end {
            End::Reset => {
                self.tally.count(format!("{} that reset", role.plural()));
                peer.reset();
            }
            End::Eof if phase == Phase::Closed => self.tally.count("closed in good order"),
            End::Eof if role == Role::Dawdler && (peer.inbox.is_empty() || peer.inbox.starts_with(b"HTTP/1.1 4")) => {
                let status = String::from_utf8_lossy(peer.inbox.get(9..12).unwrap_or(b"no answer")).into_owned();
                self.tally.count(format!("dawdlers ended: {status}"));
            }
            End::Io(error) if may_be_reset && is_reset(&error) => {
                self.tally.count(format!("{} reset by the server", role.plural()));
            }
            End::Eof => self.fail(format!("the end of the stream came: {peer:?}")),
            End::Io(error) => self.fail(format!("{error}: {peer:?}")),
            End::Wrong(what) => self.fail(what),
        }
    }

    /// Lets a client do what its role is for.
    pub(super) fn do_its_part(&mut self, key: usize) {
        let (now, is_flooding) = (self.now, self.is_flooding());
        let (sleep, dawdler_resets) = (3000 + self.below(6000) as u64, self.below(2) == 0);
        let peer = &mut self.peers[key];
        let is_open = peer.phase == Phase::Open;
        let done = match peer.role {
            Role::Dawdler if dawdler_resets => Err(End::Reset),
            Role::Dawdler => {
                peer.end_its_side();
                peer.act_at = now + Duration::from_secs(60);
                Ok(false)
            }
            _ if !is_open => Ok(false),
            Role::Flood(_) if is_flooding => Ok(true),
            Role::Flood(_) if peer.act_at > now => Ok(false),
            Role::Subscriber(_) | Role::Flood(_) | Role::Publisher(_) => return self.leave(key),
            Role::Violator(which) => {
                peer.enter(Phase::Closing, now);
                peer.say(&self.violations[which].0).map(|()| false).map_err(End::Io)
            }
            Role::Deaf(flavour) => {
                peer.is_asleep = true;
                peer.act_at = now + DEAF_EVERY;
                peer.repeat(&self.flavours[flavour].request, DEAF_BUDGET).map(|_| false).map_err(End::Io)
            }
            Role::Slow(_) => {
                peer.is_asleep = !peer.is_asleep;
                peer.act_at = now + Duration::from_millis(if peer.is_asleep { sleep } else { 2000 });
                Ok(!peer.is_asleep)
            }
            Role::Resetter(_) => Ok(true),
        };
        self.settle(key, done);
    }

    /// Lets a client leave with a Close frame, or with a reset if its role never sends one.
    pub(super) fn leave(&mut self, key: usize) {
        let (now, is_ending) = (self.now, self.is_ending);
        let peer = &mut self.peers[key];
        let left = match peer.role {
            Role::Subscriber(room) | Role::Publisher(room) | Role::Slow(room) => {
                let Room { next, heard, .. } = self.rooms[room];
                let is_slow = matches!(peer.role, Role::Slow(_));
                if is_ending && !is_slow && peer.ear.as_ref().is_some_and(|ear| !ear.has_heard(next)) {
                    return;
                }
                peer.owed = heard;
                peer.is_asleep = false;
                peer.say_close(now)
            }
            Role::Flood(flavour) => {
                let rest = peer.rest_of(&self.flavours[flavour].request);
                peer.say(&rest).and_then(|()| peer.say_close(now))
            }
            _ => return self.settle(key, Err(End::Reset)),
        };
        self.settle(key, left.map(|()| true).map_err(End::Io));
    }
}

const PING_FRAME: u8 = FIN | PING;
const CLOSE_FRAME: u8 = FIN | CLOSE;
const BINARY_FRAME: u8 = FIN | BINARY;

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

impl Peer {
    /// Compares received bytes with a flavour's answers. Returns the bytes behind the answers, which are the Close
    /// frame once the client has asked for it.
    fn compare<'b>(&mut self, flavour: &Flavour, mut bytes: &'b [u8]) -> Result<&'b [u8], String> {
        while !bytes.is_empty() {
            let at = (self.answered % flavour.reply.len() as u64) as usize;
            if self.phase != Phase::Open && at.is_multiple_of(flavour.unit) && bytes[0] == CLOSE_FRAME {
                break;
            }
            let mut len = bytes.len().min(flavour.reply.len() - at);
            if flavour.may_skip && self.phase != Phase::Open {
                len = len.min(flavour.unit - at % flavour.unit);
            }
            let (now, rest) = bytes.split_at(len);
            if now != &flavour.reply[at..at + len] {
                return Err(format!("{}: a wrong answer behind {} bytes", flavour.name, self.answered));
            }
            self.answered += len as u64;
            bytes = rest;
        }
        Ok(bytes)
    }

    /// Whether the server has answered the whole flood.
    fn has_all(&self, flavours: &[Flavour]) -> bool {
        let Role::Flood(flavour) = self.role else { return true };
        let flavour = &flavours[flavour];
        let asked = self.asked / flavour.request.len() as u64 * flavour.reply.len() as u64;
        self.answered == asked || flavour.may_skip && self.answered < asked
    }
}

impl Role {
    fn plural(self) -> &'static str {
        match self {
            Role::Publisher(_) => "publishers",
            Role::Subscriber(_) => "subscribers",
            Role::Slow(_) => "slow readers",
            Role::Resetter(_) => "members",
            Role::Flood(_) => "floods",
            Role::Deaf(_) => "deaf floods",
            Role::Violator(_) => "violators",
            Role::Dawdler => "dawdlers",
        }
    }
}
