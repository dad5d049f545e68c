//! All single readings, kept in a file of comma-separated values.

use std::error::Error;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

use crate::workload::is_known;

const FILE: &str = "readings.csv";
const COLUMNS: [&str; 12] = [
    "cpu_us",
    "per_second",
    "busy",
    "p50_us",
    "p99_us",
    "p999_us",
    "bytes_each",
    "start_kib",
    "start_ms",
    "bytes",
    "generator",
    "shared_each",
];

/// The figures of one workload on one process. NaN stands for a figure that was not measured.
#[derive(Clone, Copy)]
pub struct Reading {
    /// The server's processor time for each message, user and system.
    pub cpu_us: f64,
    pub per_second: f64,
    /// The share of its core that the server used.
    pub busy: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    /// Memory for each connection, after one message or after its subscriptions.
    pub bytes_each: f64,
    /// Memory at the start, and the time until the first connection.
    pub start_kib: f64,
    pub start_ms: f64,
    /// Bytes of frames for each message or delivery.
    pub bytes: f64,
    /// The share of its core that the load generator used.
    pub generator: f64,
    /// The part of `bytes_each` in shared memory.
    pub shared_each: f64,
}

impl Reading {
    pub const NONE: Reading = Reading {
        cpu_us: f64::NAN,
        per_second: f64::NAN,
        busy: f64::NAN,
        p50_us: f64::NAN,
        p99_us: f64::NAN,
        p999_us: f64::NAN,
        bytes_each: f64::NAN,
        start_kib: f64::NAN,
        start_ms: f64::NAN,
        bytes: f64::NAN,
        generator: f64::NAN,
        shared_each: f64::NAN,
    };

    /// The figures in the order of [`COLUMNS`].
    fn values(&self) -> [f64; COLUMNS.len()] {
        let Reading { cpu_us, per_second, busy, p50_us, p99_us, p999_us, .. } = *self;
        let Reading { bytes_each, start_kib, start_ms, bytes, generator, shared_each, .. } = *self;
        [
            cpu_us,
            per_second,
            busy,
            p50_us,
            p99_us,
            p999_us,
            bytes_each,
            start_kib,
            start_ms,
            bytes,
            generator,
            shared_each,
        ]
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cpu_us.is_nan() {
            return write!(f, "{:>9.0} bytes each, {:.0} of them shared", self.bytes_each, self.shared_each);
        }
        let (busy, generator) = (self.busy * 100.0, self.generator * 100.0);
        write!(f, "{:>9.3} µs, {:>10.0} a second, ", self.cpu_us, self.per_second)?;
        write!(f, "busy {busy:>3.0} %, generator {generator:>3.0} %, p50 {:.0} µs", self.p50_us)
    }
}

/// All readings, in the order in which they were made.
#[derive(Default)]
pub struct Readings(Vec<Row>);

struct Row {
    workload: String,
    round: usize,
    server: String,
    reading: Reading,
}

impl Readings {
    /// Reads the readings of an earlier run.
    pub fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let rows = text.lines().skip(1).map(|line| row(line).ok_or_else(|| format!("not a reading: {line}").into()));
        Ok(Readings(rows.collect::<Result<_, Box<dyn Error>>>()?))
    }

    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let mut text = format!("workload,round,server,{}\n", COLUMNS.join(","));
        for row in &self.0 {
            write!(text, "{},{},{}", row.workload, row.round, row.server)?;
            for value in row.reading.values() {
                if value.is_finite() { write!(text, ",{value:.4}")? } else { text.push(',') }
            }
            text.push('\n');
        }
        Ok(fs::write(folder.join(FILE), text)?)
    }

    pub fn push(&mut self, workload: &str, round: usize, server: &str, reading: Reading) {
        self.0.push(Row { workload: workload.to_owned(), round, server: server.to_owned(), reading });
    }

    pub fn rounds(&self) -> usize {
        self.0.iter().map(|row| row.round + 1).max().unwrap_or(0)
    }

    /// The names of all servers with a reading, in the order of their first one.
    pub fn servers(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for row in &self.0 {
            if !names.contains(&row.server.as_str()) {
                names.push(&row.server);
            }
        }
        names
    }

    /// The readings of a server on a workload, with their rounds.
    pub fn of(&self, workload: &str, server: &str) -> Vec<(usize, Reading)> {
        let rows = self.0.iter().filter(|row| row.workload == workload && row.server == server);
        rows.map(|row| (row.round, row.reading)).collect()
    }

    /// The processor time for each message as a multiple of another server's in the same round.
    pub fn ratios(&self, workload: &str, server: &str, reference: &str) -> Vec<f64> {
        self.ratios_across((workload, server), (workload, reference))
    }

    /// The same for one server on one workload, beside another server on another workload.
    pub fn ratios_across(&self, (workload, server): (&str, &str), (other, reference): (&str, &str)) -> Vec<f64> {
        let references = self.of(other, reference);
        let same = |round| references.iter().find(|(other, _)| *other == round);
        let pairs =
            self.of(workload, server).into_iter().filter_map(|(round, reading)| Some((reading, same(round)?.1)));
        pairs.map(|(reading, reference)| reading.cpu_us / reference.cpu_us).filter(|ratio| ratio.is_finite()).collect()
    }
}

fn row(line: &str) -> Option<Row> {
    let mut fields = line.split(',');
    let workload = fields.next()?.to_owned();
    let round = fields.next()?.parse().ok()?;
    let server = fields.next()?.to_owned();
    let mut value = || Some(fields.next()?.parse().unwrap_or(f64::NAN));
    let reading = Reading {
        cpu_us: value()?,
        per_second: value()?,
        busy: value()?,
        p50_us: value()?,
        p99_us: value()?,
        p999_us: value()?,
        bytes_each: value()?,
        start_kib: value()?,
        start_ms: value()?,
        // Older files lack these columns.
        bytes: value().unwrap_or(f64::NAN),
        generator: value().unwrap_or(f64::NAN),
        shared_each: value().unwrap_or(f64::NAN),
    };
    is_known(&workload).then_some(Row { workload, round, server, reading })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let folder = std::env::temp_dir().join(format!("sockhop-peers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut readings = Readings::default();
        readings.push("echo-small", 0, "floor", Reading { cpu_us: 4.0, ..Reading::NONE });
        readings.push("echo-small", 0, "sockhop", Reading { cpu_us: 5.0, p999_us: 0.125, ..Reading::NONE });
        readings.push("echo-small", 1, "sockhop", Reading { cpu_us: 7.0, ..Reading::NONE });
        readings.write(&folder).unwrap();
        let readings = Readings::read(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(readings.rounds(), 2);
        assert_eq!(readings.servers(), ["floor", "sockhop"]);
        assert_eq!(readings.of("echo-small", "sockhop")[0].1.p999_us, 0.125);
        assert!(readings.of("echo-small", "sockhop")[0].1.busy.is_nan());
        // In round 1 there is nothing to compare with.
        assert_eq!(readings.ratios("echo-small", "sockhop", "floor"), [1.25]);
    }
}
