//! A quiz: the message `ask` opens a question, and a timer closes it. The test needs no socket, and does not wait for
//! ten seconds.
//!
//!     cargo run --example quiz
//!     npx wscat -c ws://127.0.0.1:8080/quiz
//!     cargo test --example quiz

use std::time::Duration;

use sockhop::{Context, Handler, Message, Server, TimerId};

/// The timer of the open question.
#[derive(Default)]
struct Quiz(Option<TimerId>);

impl Handler for Quiz {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match (message, self.0) {
            (Message::Text("ask"), None) => {
                ctx.broadcast("what is 6 times 7?");
                self.0 = Some(ctx.after(Duration::from_secs(10)));
            }
            (Message::Text("42"), Some(timer)) => {
                ctx.broadcast("42 is right");
                ctx.cancel(timer);
                self.0 = None;
            }
            _ => ctx.send("no"),
        }
    }

    fn timer(&mut self, ctx: &mut Context<'_>, _timer: TimerId) {
        ctx.broadcast("time is up");
        self.0 = None;
    }
}

fn main() -> std::io::Result<()> {
    Server::bind("127.0.0.1:8080")?.mount("/quiz", Quiz::default()).run()
}

#[cfg(test)]
#[test]
fn an_answer_counts_until_the_time_is_up() {
    let mut stage = sockhop::testing::Stage::new(Quiz::default());
    let (ann, bob) = (stage.connect("/"), stage.connect("/"));
    stage.send(ann, "ask");
    stage.send(bob, "42");
    stage.advance(Duration::from_secs(10));
    assert_eq!(stage.received(ann), ["what is 6 times 7?", "42 is right"]);

    stage.send(ann, "ask");
    stage.advance(Duration::from_secs(10));
    stage.send(bob, "42");
    let heard = ["what is 6 times 7?", "42 is right", "what is 6 times 7?", "time is up", "no"];
    assert_eq!(stage.received(bob), heard);
}
