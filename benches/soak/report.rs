//! The output, and the decision whether the server has passed.

use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Plan;
use super::bystander::Wait;
use super::child::Sample;
use super::crowd::{Live, Tally};

/// Memory is compared between two spans: the five minutes after the first five, and the last five. The least value of
/// each span counts: queues for slow readers come and go, but leaked memory stays.
const SETTLED: Duration = Duration::from_secs(5 * 60);
const SPAN: Duration = Duration::from_secs(5 * 60);
/// The growth of memory that is allowed, in KiB; or 2 %, if that is more.
const GROWTH: u64 = 256;
/// The most memory that the server may have at any time, in KiB. It needs a fifth of that.
const MOST: u64 = 64 * 1024;
/// Each longer wait is printed beside the plain echo's wait at the same moment.
const LONG: Duration = Duration::from_millis(50);

pub struct Report {
    before: Sample,
    pub after: Sample,
    /// Descriptors in the end.
    pub descriptors: usize,
    pub samples: Vec<(Duration, Sample)>,
    pub tally: Tally,
    pub waits: Vec<Wait>,
    pub plain_waits: Vec<Wait>,
}

impl Report {
    pub fn new(before: Sample) -> Self {
        Report {
            before,
            after: Sample::default(),
            descriptors: 0,
            samples: Vec::new(),
            tally: Tally::default(),
            waits: Vec::new(),
            plain_waits: Vec::new(),
        }
    }

    pub fn print_head() {
        println!(
            "{:>8} {:>8} {:>9} {:>9} {:>6} {:>5} {:>8} {:>9} {:>11} {:>9}",
            "seconds", "clients", "RSS KiB", "own KiB", "fds", "CPU", "starved", "opened", "messages/s", "MB/s in"
        );
    }

    pub fn print_line(time: Duration, now: &Sample, last: &Sample, live: &Live, messages: u64, bytes: u64) {
        println!(
            "{:>8} {:>8} {:>9} {:>9} {:>6} {:>4}% {:>7}% {:>9} {:>11} {:>9.1}",
            time.as_secs(),
            live.clients.load(Ordering::Relaxed) + 1,
            now.rss,
            now.own,
            now.descriptors,
            (now.ticks - last.ticks) / 10,
            (now.starved - last.starved).as_millis() / 100,
            live.opened.load(Ordering::Relaxed),
            messages,
            bytes as f64 / 1e6,
        );
    }

    /// Prints the whole report. Returns whether the server has passed.
    pub fn print(mut self, plan: &Plan, status: ExitStatus, log: &[String]) -> bool {
        println!();
        for (what, count) in &self.tally.counts {
            println!("{count:>10}  {what}");
        }
        println!("{:>10}  lines on the server's standard error", log.len());
        for line in log.iter().take(10) {
            println!("{:>10}  {line}", "");
        }
        self.check_waits(plan.worst);
        self.check_memory();
        let (start, now) = (self.before.descriptors, self.descriptors);
        println!("descriptors: {start} at the start, {now} after all clients have left");
        self.require(now <= start, format!("{} descriptors are lost", now.saturating_sub(start)));
        self.require(status.success(), format!("the server ended with {status}"));
        let panics = log.iter().filter(|line| line.contains("panic") || line.contains(" ERROR ")).count();
        self.require(panics == 0, format!("{panics} errors in the log"));
        // A run without these events shows little. In a short run, no client may be slow for long enough to be closed.
        let is_long = self.samples.len() > 120;
        for what in ["members that reset", "violators 1002", "floods 1000", "slow readers 1013"] {
            self.require(
                !is_long && what.ends_with("1013") || self.tally.counts.contains_key(what),
                format!("there were no {what}"),
            );
        }
        for failure in self.tally.failures.iter().take(20) {
            println!("FAILED: {failure}");
        }
        let failures = self.tally.failures.len();
        println!("{}", if failures == 0 { "passed".to_owned() } else { format!("FAILED: {failures} failures") });
        failures == 0
    }

    fn require(&mut self, is_so: bool, else_failed: String) {
        if !is_so {
            self.tally.failures.push(else_failed);
        }
    }

    fn check_waits(&mut self, worst: Duration) {
        println!("{:<24} {:>8} {:>9} {:>9} {:>9} {:>9}", "echoes, in ms", "count", "p50", "p99", "p99.9", "max");
        let max = print_waits("the bystander's", &self.waits);
        print_waits("plain TCP's beside it", &self.plain_waits);
        for (moment, wait) in self.waits.iter().filter(|(_, wait)| *wait > LONG).take(40) {
            let near = |other: &&Wait| other.0.abs_diff(*moment) <= 1;
            let plain = self.plain_waits.iter().filter(near).map(|(_, wait)| *wait).max();
            let plain = plain.map_or("none".into(), |wait| format!("{:.1} ms", millis(wait)));
            let at = Duration::from_millis(50) * *moment;
            let starved = millis(self.starved(at, at + *wait));
            println!(
                "at {:.2} s: {:.1} ms; plain: {plain}; server starved {starved:.0} ms",
                at.as_secs_f64(),
                millis(*wait)
            );
        }
        self.require(!self.waits.is_empty(), "the bystander has failed".into());
        self.require(max <= worst, format!("the bystander waited {:.1} ms", millis(max)));
    }

    /// How long the server waited for a processor between the samples before and after a span.
    fn starved(&self, from: Duration, to: Duration) -> Duration {
        let before = self.samples.iter().rev().find(|(time, _)| *time <= from).map_or(self.before, |it| it.1);
        let behind = self.samples.iter().find(|(time, _)| *time >= to).map_or(before, |it| it.1);
        behind.starved.saturating_sub(before.starved)
    }

    fn check_memory(&mut self) {
        let of = |sample: &Sample| [sample.rss, sample.own];
        let peak = self.samples.iter().map(|(_, sample)| sample.rss).max().unwrap_or(0);
        let (before, after) = (of(&self.before), of(&self.after));
        println!(
            "memory, in KiB: RSS (anonymous) {} ({}) at the start, {peak} at most, {} ({}) after all clients have left",
            before[0], before[1], after[0], after[1]
        );
        self.require(peak <= MOST, format!("{peak} KiB of memory at some time"));
        let end = self.samples.last().map_or(Duration::ZERO, |(time, _)| *time);
        if end < SETTLED + 2 * SPAN {
            return println!("the run is too short to show growth");
        }
        for (index, name) in ["RSS", "anonymous memory"].into_iter().enumerate() {
            let least = |from: Duration| {
                let within = self.samples.iter().filter(|(time, _)| (from..from + SPAN).contains(time));
                within.map(|(_, sample)| of(sample)[index]).min().unwrap_or(0)
            };
            let (settled, last) = (least(SETTLED), least(end.saturating_sub(SPAN)));
            println!("least {name}: {settled} KiB in minutes 5 to 10, {last} KiB in the last five");
            let most = settled + GROWTH.max(settled / 50);
            self.require(last <= most, format!("{name} has grown from {settled} to {last} KiB"));
        }
        println!("slope of RSS after minute 5: {:+.1} KiB per minute", self.slope());
    }

    /// Least squares over all samples after the fifth minute, in KiB per minute.
    fn slope(&self) -> f64 {
        let points = self.samples.iter().filter(|(time, _)| *time >= SETTLED);
        let points: Vec<_> = points.map(|(time, sample)| (time.as_secs_f64() / 60.0, sample.rss as f64)).collect();
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / points.len() as f64;
        let (x, y) = (mean(&mut points.iter().map(|it| it.0)), mean(&mut points.iter().map(|it| it.1)));
        let covariance = mean(&mut points.iter().map(|it| (it.0 - x) * (it.1 - y)));
        covariance / mean(&mut points.iter().map(|it| (it.0 - x).powi(2)))
    }
}

/// Prints the distribution of waits; returns the longest.
fn print_waits(name: &str, waits: &[Wait]) -> Duration {
    let mut waits: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
    waits.sort_unstable();
    let at = |share: f64| {
        let index = (waits.len().saturating_sub(1) as f64 * share).round() as usize;
        waits.get(index).copied().unwrap_or_default()
    };
    let [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1.0].map(|share| format!("{:.2}", millis(at(share))));
    println!("{name:<24} {:>8} {p50:>9} {p99:>9} {p999:>9} {max:>9}", waits.len());
    at(1.0)
}

fn millis(wait: Duration) -> f64 {
    wait.as_secs_f64() * 1000.0
}
