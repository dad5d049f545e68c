//! The tables.

use std::fmt::{self, Write};

use super::{REFERENCE, ratio};
use crate::readings::{Reading, Readings};
use crate::statistics::{Estimate, median};
use crate::workload::{Load, WORKLOADS, Workload};

pub fn draw(readings: &Readings) -> Result<String, fmt::Error> {
    let mut text = String::new();
    overview(readings, &mut text)?;
    for workload in &WORKLOADS {
        match workload.load {
            Load::Idle { .. } => idle(readings, workload, &mut text)?,
            _ => details(readings, workload, &mut text)?,
        }
    }
    Ok(text)
}

/// The table of all servers and workloads: processor time as a multiple of the floor's.
fn overview(readings: &Readings, text: &mut String) -> fmt::Result {
    let measured = |workload: &&Workload| !readings.ratios(workload.name, REFERENCE, REFERENCE).is_empty();
    let workloads: Vec<&Workload> = WORKLOADS.iter().filter(measured).collect();
    if workloads.is_empty() {
        return Ok(());
    }
    writeln!(text, "Processor time of the server for each message, as a multiple of the floor's in the same round.\n")?;
    write!(text, "| server |")?;
    for workload in &workloads {
        write!(text, " {} |", workload.name)?;
    }
    writeln!(text, "\n|---|{}", "--:|".repeat(workloads.len()))?;
    for server in readings.servers() {
        write!(text, "| {server} |")?;
        for workload in &workloads {
            match ratio(readings, workload.name, server) {
                Some(ratio) => write!(text, " {:.2} |", ratio.median)?,
                None => write!(text, " |")?,
            }
        }
        writeln!(text)?;
    }
    Ok(())
}

fn details(readings: &Readings, workload: &Workload, text: &mut String) -> fmt::Result {
    let mut rows = Vec::new();
    for server in readings.servers() {
        let of = readings.of(workload.name, server);
        let values = |field: fn(&Reading) -> f64| of.iter().map(|(_, reading)| field(reading)).collect::<Vec<_>>();
        let Some(cpu) = Estimate::of(&values(|reading| reading.cpu_us)) else { continue };
        let middle = |field| median(&values(field)).unwrap_or(f64::NAN);
        let ratio = ratio(readings, workload.name, server);
        let row = format!(
            "| {server} | {} | {} | {} | {} | {} | {:.0} % | {} | {} | {} |",
            cpu.count,
            number(cpu.median),
            ratio.map_or(String::new(), |ratio| format!("{:.2}", ratio.median)),
            ratio
                .filter(|ratio| ratio.count > 1)
                .map_or(String::new(), |ratio| { format!("{:.2} to {:.2}", ratio.low, ratio.high) }),
            number(middle(|reading| reading.per_second)),
            middle(|reading| reading.busy) * 100.0,
            number(middle(|reading| reading.p50_us)),
            number(middle(|reading| reading.p99_us)),
            number(middle(|reading| reading.p999_us)),
        );
        rows.push((cpu.median, row));
    }
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n#### {}: {}\n", workload.name, workload.about)?;
    writeln!(text, "| server | rounds | CPU µs | × floor | 95 % | a second | busy | p50 µs | p99 µs | p99.9 µs |")?;
    writeln!(text, "|---|{}", "--:|".repeat(9))?;
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    rows.iter().try_for_each(|(_, row)| writeln!(text, "{row}"))
}

fn idle(readings: &Readings, workload: &Workload, text: &mut String) -> fmt::Result {
    let mut rows = Vec::new();
    for server in readings.servers() {
        let of = readings.of(workload.name, server);
        let middle =
            |field: fn(&Reading) -> f64| median(&of.iter().map(|(_, reading)| field(reading)).collect::<Vec<_>>());
        let Some(bytes) = middle(|reading| reading.bytes_each) else { continue };
        let kib = middle(|reading| reading.start_kib).unwrap_or(f64::NAN);
        let start = middle(|reading| reading.start_ms).unwrap_or(f64::NAN);
        let row = format!("| {server} | {} | {} | {} | {start:.1} |", of.len(), number(bytes), number(kib));
        rows.push((bytes, row));
    }
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n#### {}: {}\n", workload.name, workload.about)?;
    writeln!(text, "| server | rounds | bytes per connection | KiB at the start | ms until it accepts |")?;
    writeln!(text, "|---|{}", "--:|".repeat(4))?;
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    rows.iter().try_for_each(|(_, row)| writeln!(text, "{row}"))
}

/// A number with three significant digits, and commas between thousands.
pub fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => String::new(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => grouped(value),
    }
}

/// A whole number with commas between thousands.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_numbers_to_three_digits() {
        for (value, text) in
            [(0.4567, "0.46"), (45.67, "45.7"), (456.7, "457"), (4567.8, "4,568"), (1234567.0, "1,234,567")]
        {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(f64::NAN), "");
    }

    #[test]
    fn the_table_has_a_line_for_each_server() {
        let mut readings = Readings::default();
        for (round, floor, ours) in [(0, 4.0, 5.0), (1, 8.0, 8.0), (2, 4.0, 4.4)] {
            readings.push("echo-small", round, "floor", Reading { cpu_us: floor, ..Reading::NONE });
            readings.push("echo-small", round, "sockhop", Reading { cpu_us: ours, busy: 0.5, ..Reading::NONE });
        }
        readings.push("idle", 0, "sockhop", Reading { bytes_each: 73.0, ..Reading::NONE });
        let text = draw(&readings).unwrap();
        for line in [
            "| sockhop | 1.10 |",
            "| sockhop | 3 | 5.00 | 1.10 | 1.00 to 1.25 |  | 50 % |  |  |  |",
            "#### idle: 10,000 clients that have had one message each",
            "| sockhop | 1 | 73.0 |  | NaN |",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
