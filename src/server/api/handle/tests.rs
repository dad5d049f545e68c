use std::sync::mpsc::channel;
use std::thread;

use super::*;
use std::time::Duration;

#[test]
fn a_full_queue_gives_the_payload_back_and_takes_more_once_it_was_emptied() {
    let handle = Handle::new();
    for _ in 0..4096 {
        handle.send(ConnectionId::NOBODY, "x").unwrap();
    }
    assert_eq!(handle.send(ConnectionId::NOBODY, "y"), Err(Rejected::Full("y")));
    assert_eq!(handle.take().len(), 4096);
    assert_eq!(handle.send(ConnectionId::NOBODY, "y"), Ok(()));
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    let handle = Handle::new();
    // 16 MiB, with room for a header in each frame, and for the topic.
    let half = vec![0; 8 * 1024 * 1024 - FrameHeader::MAX_LEN - 1];
    assert!(handle.publish("t", &half).is_ok() && handle.publish("t", &half).is_ok());
    assert_eq!(handle.publish("t", ""), Err(Rejected::Full("")));
    handle.take();
    assert!(handle.publish("t", &half).is_ok());
}

#[test]
fn calls_count_by_their_captures_and_by_the_bytes_that_their_caller_names() {
    let handle = Handle::new();
    let captured = [0_u8; 1 << 16];
    let take = move |_: &mut App, _: &mut Context<'_>| assert_eq!(captured.len(), 1 << 16);
    let taken = (0..1000).take_while(|_| handle.call("/", take).is_ok()).count();
    assert_eq!(taken, 255, "16 MiB without the paths");
    handle.take();
    let words = vec!["x".repeat(1 << 20)];
    let own = |words: Vec<String>| move |_: &mut App, _: &mut Context<'_>| drop(words);
    let taken = (0..1000).take_while(|_| handle.call_with_bytes("/", 1 << 20, own(words.clone())).is_ok()).count();
    assert_eq!(taken, 15);
    assert_eq!(handle.call_with_bytes("/", usize::MAX, own(words)), Err(Rejected::Full(())));
}

#[test]
fn the_refusal_of_a_handshake_counts_by_its_body() {
    let handle = Handle::new();
    let deferred = Deferred { id: ConnectionId::NOBODY, request: 0 };
    let no = || Accept::no(403, "x".repeat(1 << 23));
    assert!(handle.settle(deferred, no()).is_ok() && handle.settle(deferred, no()).is_ok());
    assert!(matches!(handle.settle(deferred, no()), Err(Rejected::Full(Accept::No(_)))));
    assert!(handle.settle(deferred, Accept::yes()).is_ok());
}

#[test]
fn a_thread_can_wait_until_its_commands_were_taken() {
    let handle = Handle::new();
    assert!(handle.wait_for_room(Duration::MAX), "there is room from the start");
    handle.send(ConnectionId::NOBODY, "x").unwrap();
    assert!(!handle.wait_for_room(Duration::ZERO));
    let other = handle.clone();
    let waiter = thread::spawn(move || other.wait_for_room(Duration::from_secs(60)));
    handle.take();
    assert!(waiter.join().unwrap());
    handle.send(ConnectionId::NOBODY, "x").unwrap();
    let other = handle.clone();
    let waiter = thread::spawn(move || other.wait_for_room(Duration::from_secs(60)));
    handle.stop();
    assert!(!waiter.join().unwrap(), "nothing is taken any more");
}

#[test]
fn a_stopped_server_refuses() {
    let handle = Handle::new();
    handle.stop();
    assert_eq!(handle.broadcast("/", "x"), Err(Rejected::Stopped("x")));
    handle.shutdown(Shutdown::default());
    assert!(handle.take().is_empty());
}

struct App;

impl Handler for App {}

/// Says so when it goes, by the handle.
struct LastWord(Handle);

impl Drop for LastWord {
    fn drop(&mut self) {
        assert_eq!(self.0.publish("words", "bye"), Err(Rejected::Stopped("bye")));
    }
}

#[test]
fn a_value_dropped_with_a_command_may_use_the_handle() {
    let handle = Handle::new();
    let word = LastWord(handle.clone());
    handle.call("/", move |_: &mut App, _| drop(word)).unwrap();
    let (done, is_done) = channel();
    thread::spawn(move || {
        handle.stop();
        done.send(())
    });
    assert_eq!(is_done.recv_timeout(Duration::from_secs(20)), Ok(()), "it waits for itself");
}

#[cfg(feature = "tls")]
#[test]
fn the_last_certificates_are_taken_once_and_are_never_refused() {
    use crate::server::transport::tls::testing::{VERSIONS, tls};
    let handle = Handle::new();
    while handle.send(ConnectionId::NOBODY, "x").is_ok() {}
    for _ in 0..3 {
        handle.set_tls(tls(&VERSIONS));
    }
    let commands = handle.take();
    assert_eq!(commands.len(), 4096 + 1);
    assert!(matches!(commands.back(), Some(Command::SetTls(_))));
    handle.stop();
    handle.set_tls(tls(&VERSIONS));
    assert!(handle.take().is_empty());
}
