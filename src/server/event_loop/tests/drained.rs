//! Calls of `drained` that a handler has asked for.

use super::*;

/// Sends what it is asked for: a number of bytes, and a call of `drained` when they have left. Then it sends `next`.
fn pump() -> App {
    App::new(|ctx, call| match call {
        Call::Message(Message::Text(text)) => {
            ctx.notify_drained();
            ctx.send(vec![0; text.parse().expect("a number")]);
            ctx.notify_drained();
        }
        Call::Drained => ctx.send("next"),
        _ => {}
    })
}

fn drained(bed: &Bed) -> usize {
    bed.log().iter().filter(|line| line.starts_with("drained")).count()
}

#[test]
fn it_comes_once_at_the_end_of_the_turn_if_little_is_owed() {
    let mut bed = Bed::new(pump());
    let client = bed.open();
    client.text("10");
    bed.turn();
    assert_eq!(drained(&bed), 1);
    bed.settle();
    assert_eq!(drained(&bed), 0, "once");
    // Exactly the low-water mark is owed, header included.
    client.limit(0);
    client.text(&(64 * 1024 - 4).to_string());
    bed.settle();
    assert_eq!((bed.queued(0), drained(&bed)), (64 * 1024 + 6, 1), "with the next");
}

#[test]
fn it_comes_when_the_low_water_mark_is_reached_though_the_high_one_never_was() {
    let mut bed = Bed::new(pump());
    let client = bed.open();
    client.limit(0);
    client.text("100000");
    bed.settle();
    assert_eq!((bed.queued(0), drained(&bed)), (100_010, 0));
    assert!(!bed.connection(0).output.is_paused());
    client.limit(100_010 - 64 * 1024 - 1);
    bed.settle();
    assert_eq!((bed.queued(0), drained(&bed)), (64 * 1024 + 1, 0));
    client.limit(1);
    bed.turn();
    assert_eq!(drained(&bed), 1);
    client.unlimit();
    bed.settle();
    assert_eq!(drained(&bed), 0, "once");
}

#[test]
fn one_that_is_due_anyway_and_one_that_was_asked_for_are_one() {
    let config = Config { low_water: 1000, high_water: 2000, ..Config::default() };
    let mut bed = Bed::with(config, pump());
    let client = bed.open();
    client.limit(0);
    client.text("5000");
    bed.settle();
    assert!(bed.connection(0).output.is_paused());
    client.unlimit();
    bed.settle();
    assert_eq!(drained(&bed), 1);
}

#[test]
fn it_is_not_for_a_later_connection_in_the_same_slot() {
    let app = App::new(|ctx, call| {
        if let Call::Close = call {
            ctx.notify_drained();
        }
    });
    let mut bed = Bed::new(app);
    let client = bed.open();
    client.finish();
    bed.turn();
    let _later = bed.open();
    bed.settle();
    assert_eq!((bed.ids()[1].slot, drained(&bed)), (0, 0));
}
