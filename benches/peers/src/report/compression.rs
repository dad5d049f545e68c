//! The table about compression: a line for each server and mode.

use std::fmt::{self, Write};

use super::table::number;
use crate::readings::{Reading, Readings};
use crate::serve::Mode;
use crate::statistics::{Estimate, median};
use crate::workload::COMPRESSION;

pub fn draw(readings: &Readings) -> Result<String, fmt::Error> {
    let [broadcast, idle] = &COMPRESSION;
    let mut text = format!("{}: {}.\n{}: {}.\n\n", broadcast.name, broadcast.about, idle.name, idle.about);
    writeln!(text, "| server | context | rounds | bytes | CPU µs | × none (95 %) | a second | p50 µs | idle, bytes |")?;
    writeln!(text, "|---|---|{}", "--:|".repeat(7))?;
    for name in readings.servers() {
        let (server, mode) = name.split_once('/').unwrap_or((name, ""));
        let of = readings.of(broadcast.name, name);
        let values = |field: fn(&Reading) -> f64| of.iter().map(|(_, reading)| field(reading)).collect::<Vec<_>>();
        let middle = |field| number(median(&values(field)).unwrap_or(f64::NAN));
        let idle: Vec<f64> = readings.of(idle.name, name).iter().map(|(_, reading)| reading.bytes_each).collect();
        writeln!(
            text,
            "| {server} | {mode} | {} | {} | {} | {} | {} | {} | {} |",
            of.len(),
            middle(|reading| reading.bytes),
            middle(|reading| reading.cpu_us),
            compared(readings, broadcast.name, name, &format!("{server}/{}", Mode::None.name())),
            middle(|reading| reading.per_second),
            middle(|reading| reading.p50_us),
            number(median(&idle).unwrap_or(f64::NAN)),
        )?;
    }
    Ok(text)
}

/// The processor time as a multiple of that without compression.
fn compared(readings: &Readings, workload: &str, name: &str, reference: &str) -> String {
    match Estimate::of(&readings.ratios(workload, name, reference)) {
        Some(Estimate { median, low, high, .. }) if name != reference => format!("{median:.2} ({low:.2} to {high:.2})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_line_for_each_server_and_mode() {
        let mut readings = Readings::default();
        let reading = |cpu_us, bytes| Reading { cpu_us, bytes, per_second: 1234.0, ..Reading::NONE };
        readings.push("bcast-json", 0, "sockhop/none", reading(5.0, 1028.0));
        readings.push("bcast-json", 0, "sockhop/takeover", reading(25.0, 260.0));
        readings.push("idle-json", 0, "sockhop/takeover", Reading { bytes_each: 300_000.0, ..Reading::NONE });
        let text = draw(&readings).unwrap();
        for line in [
            "| sockhop | none | 1 | 1,028 | 5.00 |  | 1,234 |  |  |",
            "| sockhop | takeover | 1 | 260 | 25.0 | 5.00 (5.00 to 5.00) | 1,234 |  | 300,000 |",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
