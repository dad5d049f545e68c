//! Messages that do not fit the receive buffer.

use super::*;
use crate::protocol::testing::Random;

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * at / 7 + at) as u8).collect()
}

/// Lets a client send bytes in pieces and take the answer in pieces, with turns between them.
fn exchange(bed: &mut Bed, client: &mut Client, bytes: &[u8], pieces: usize, room: usize) -> Vec<Frame> {
    let mut random = Random::new(bytes.len() as u64 + room as u64);
    let mut rest = bytes;
    let mut frames = Vec::new();
    client.limit(0);
    for _ in 0..20_000 {
        if rest.is_empty() && bed.is_quiet() && bed.queued(0) == 0 {
            break;
        }
        let (piece, behind) = rest.split_at(rest.len().min(1 + random.below(pieces)));
        client.write(piece);
        rest = behind;
        client.limit(1 + random.below(room));
        bed.turn();
        frames.append(&mut client.frames());
    }
    client.unlimit();
    bed.settle();
    frames.append(&mut client.frames());
    frames
}

#[test]
fn large_messages_come_back_as_they_were_however_they_come_and_leave() {
    for (len, pieces, room) in [
        (40_000, 100_000, 100_000),
        (40_000, 3_000, 2_000),
        (65_536, 1_000_000, 50_000),
        (200_000, 20_000, 20_000),
        (1_048_576, 2_000_000, 2_000_000),
        (1_048_576, 100_000, 60_000),
        (1_048_576, 40_000, 200_000),
        (1_048_576, 3_000_000, 9_000),
    ] {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.open();
        let (first, second) = (payload(len), payload(len - 1));
        let bytes = [masked(0x82, &first), masked(0x81, b"between"), masked(0x82, &second)].concat();
        let frames = exchange(&mut bed, &mut client, &bytes, pieces, room);
        assert_eq!(frames.len(), 3, "{len} bytes by {pieces} and {room}");
        assert!(frames[0] == Frame::Binary(first) && frames[2] == Frame::Binary(second));
        assert_eq!(frames[1], Frame::Text("between".to_owned()));
        assert_eq!(bed.log().iter().filter(|line| line.starts_with("message")).count(), 3);
    }
}

#[test]
fn a_fragmented_large_message_comes_back_in_one_frame() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    let whole = payload(900_000);
    let pieces: Vec<&[u8]> = whole.chunks(130_000).collect();
    let mut bytes = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let first = if at == 0 {
            0x02
        } else if at + 1 == pieces.len() {
            0x80
        } else {
            0x00
        };
        bytes.extend(masked(first, piece));
        bytes.extend(masked(0x89, b"in between"));
    }
    let mut frames = exchange(&mut bed, &mut client, &bytes, 70_000, 100_000);
    let before = frames.len();
    frames.retain(|frame| !matches!(frame, Frame::Pong(_)));
    assert_eq!((before - frames.len(), frames.len()), (pieces.len(), 1));
    assert!(frames[0] == Frame::Binary(whole));
}

#[test]
fn a_large_reply_that_lies_in_its_message_keeps_its_place_among_others() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        let Call::Message(Message::Binary(bytes)) = call else { return };
        ctx.broadcast("first");
        ctx.send("second");
        ctx.send(bytes);
        ctx.send(&bytes[100..]);
        ctx.send("third");
        ctx.broadcast("fourth");
    }));
    for (len, room) in [(40_000, usize::MAX), (40_000, 10), (300_000, usize::MAX), (300_000, 10)] {
        let mut client = bed.open();
        let whole = payload(len);
        client.limit(room);
        client.frame(0x82, &whole);
        bed.settle();
        client.unlimit();
        bed.settle();
        let text = |text: &str| Frame::Text(text.to_owned());
        let frames = client.frames();
        assert_eq!(
            (&frames[..2], &frames[4..]),
            (&[text("first"), text("second")][..], &[text("third"), text("fourth")][..])
        );
        assert!(frames[2] == Frame::Binary(whole.clone()) && frames[3] == Frame::Binary(whole[100..].to_vec()));
        client.close(1000);
        bed.settle();
    }
}

#[test]
fn a_large_reply_to_another_connection_is_what_was_said() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(message) = call {
            let other = ConnectionId { slot: 1 - ctx.id().slot, ..ctx.id() };
            ctx.send_to(other, message);
        }
    }));
    let mut clients = bed.open_many(2);
    for len in [33_000, 700_000] {
        let whole = payload(len);
        clients[0].limit(0);
        clients[1].limit(1000);
        clients[0].frame(0x82, &whole);
        clients[1].frame(0x82, &whole[1..]);
        bed.settle();
        clients.iter().for_each(Client::unlimit);
        bed.settle();
        assert!(clients[1].frames() == [Frame::Binary(whole.clone())]);
        assert!(clients[0].frames() == [Frame::Binary(whole[1..].to_vec())]);
    }
}

#[test]
fn an_idle_connection_gives_its_buffers_back() {
    let mut bed = Bed::new(App::echo());
    let mut clients = bed.open_many(20);
    for client in &clients {
        client.limit(10_000);
        client.frame(0x82, &payload(300_000));
        client.frame(0x01, b"a");
        client.frame(0x80, b"b");
    }
    bed.settle();
    for client in &mut clients {
        client.unlimit();
        bed.settle();
        assert_eq!(client.frames().len(), 2);
    }
    for (_, connection) in bed.server.lines.shared.table.iter() {
        let websocket = connection.websocket().expect("an open connection");
        assert!(websocket.extra.is_none() && websocket.protocol.as_ref().is_some_and(|it| it.is_idle()));
        assert_eq!(connection.debt(), 0);
    }
}

#[test]
fn the_pool_keeps_no_small_buffers() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(_) = call {
            ctx.close(CloseFrame::normal(""));
        }
    }));
    for client in bed.open_many(20) {
        client.frame(0x01, b"a");
        client.frame(0x80, b"b");
        bed.settle();
    }
    assert!(bed.server.lines.pool.take().is_none(), "a small buffer is of no use for a large message");
}

#[test]
fn behind_a_large_reply_that_finds_no_room_nothing_more_is_handled() {
    let mut bed = Bed::with(Config { low_water: 0, high_water: 10_000, ..Config::default() }, App::echo());
    let mut client = bed.open();
    client.limit(0);
    client.frame(0x82, &payload(40_000));
    (0..50).for_each(|_| client.text("behind"));
    bed.settle();
    assert_eq!(bed.log().len(), 2, "open and one message");
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames().len(), 51);
}
