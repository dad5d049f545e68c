//! The limit of channels.

use std::time::{Duration, Instant};

use super::super::problem::Problem;
use super::super::state::types::Refusal;
use super::outgoing::View;
use super::topics::{MULTI, Names, parse};
use crate::Context;

/// A count of topics serves for so long: it takes milliseconds where there are very many.
const FRESH: Duration = Duration::from_secs(1);

/// How many channels have listeners. One with several kinds of listeners counts for each.
#[derive(Default)]
pub(super) struct Room {
    counted: Option<(Instant, usize)>,
}

impl Room {
    /// Checks that there is room for a channel that may be new. Channels with listeners and channels with history are
    /// counted apart, and the limit is for each of the two.
    pub fn check<W>(
        &mut self,
        names: &mut Names,
        view: &View<'_, W>,
        ctx: &Context<'_>,
        channel: &str,
    ) -> Result<(), Problem> {
        let limit = view.config.max_channels;
        if names.count(ctx, channel) > 0 {
            return Ok(());
        }
        let is_full = view.state.channels() >= limit && !view.state.has_history(channel);
        // The server may have other topics.
        if is_full || ctx.topic_count() >= limit && self.count(ctx) >= limit {
            return Err(Refusal::TooManyChannels.into());
        }
        Ok(())
    }

    /// Channels with listeners, and one that is about to have some.
    fn count(&mut self, ctx: &Context<'_>) -> usize {
        let fresh = self.counted.filter(|(at, _)| ctx.now().saturating_duration_since(*at) < FRESH);
        let (at, count) = fresh.unwrap_or_else(|| {
            let own = ctx.topics().filter(|topic| parse(ctx, topic).is_some_and(|(_, channel)| channel != MULTI));
            (ctx.now(), own.count())
        });
        self.counted = Some((at, count + 1));
        count
    }
}
