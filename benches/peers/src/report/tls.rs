//! The tables about TLS: the goals, a line for each workload and server, and the memory of idle connections.

use std::fmt::{self, Write};

use super::table::number;
use crate::peers::PLAIN;
use crate::readings::{Reading, Readings};
use crate::statistics::{Estimate, median};
use crate::workload::{GOALS, Goal, Load, TLS, Workload};

const SOCKHOP: &str = "sockhop";

pub fn draw(readings: &Readings) -> Result<String, fmt::Error> {
    let mut text = String::new();
    reached(readings, &mut text)?;
    let servers = readings.servers();
    writeln!(
        text,
        "\n| workload | server | rounds | CPU µs | × sockhop/plain (95 %) | a second | busy | generator | p50 µs | p99 µs |"
    )?;
    writeln!(text, "|---|---|{}", "--:|".repeat(8))?;
    for workload in TLS.iter().filter(|workload| !is_memory(workload)) {
        for server in &servers {
            row(readings, workload, server, &mut text)?;
        }
    }
    writeln!(text, "\n| server | rounds | bytes for an idle connection | KiB at the start |\n|---|--:|--:|--:|")?;
    for workload in TLS.iter().filter(|workload| is_memory(workload)) {
        for server in &servers {
            let rounds = readings.of(workload.name, server).len();
            let middle = |field| number(middle(readings, workload.name, server, field));
            if rounds > 0 {
                let (bytes, start) = (middle(|of| of.bytes_each), middle(|of| of.start_kib));
                writeln!(text, "| {server} | {rounds} | {bytes} | {start} |")?;
            }
        }
    }
    writeln!(text)?;
    for workload in &TLS {
        writeln!(text, "- {}: {}", workload.name, workload.about)?;
    }
    Ok(text)
}

/// The goals with what was measured.
fn reached(readings: &Readings, text: &mut String) -> fmt::Result {
    writeln!(text, "\n| goal | at most | measured (95 %) | |\n|---|--:|--:|---|")?;
    for (name, goal) in GOALS {
        let (about, most, found) = match goal {
            Goal::Times(most) => {
                let ratios = readings.ratios(name, SOCKHOP, PLAIN);
                (format!("{name}, CPU / without TLS"), format!("{most:.2}"), Estimate::of(&ratios))
            }
            Goal::Bytes(most) => {
                let bytes: Vec<f64> = readings.of(name, SOCKHOP).iter().map(|(_, of)| of.bytes_each).collect();
                (format!("{name}, bytes"), number(most), Estimate::of(&bytes))
            }
        };
        let (Goal::Times(limit) | Goal::Bytes(limit)) = goal;
        let verdict = match found {
            Some(found) if found.median <= limit => "reached",
            Some(_) => "missed",
            None => "not measured",
        };
        let found = match (goal, found) {
            (Goal::Times(_), Some(found)) => shown(found),
            (Goal::Bytes(_), Some(found)) => number(found.median),
            (_, None) => String::new(),
        };
        writeln!(text, "| {about} | {most} | {found} | {verdict} |")?;
    }
    Ok(())
}

fn is_memory(workload: &Workload) -> bool {
    matches!(workload.load, Load::Idle { .. })
}

/// The median of a server's readings, or NaN.
fn middle(readings: &Readings, workload: &str, server: &str, field: fn(&Reading) -> f64) -> f64 {
    let values: Vec<f64> = readings.of(workload, server).iter().map(|(_, reading)| field(reading)).collect();
    median(&values).unwrap_or(f64::NAN)
}

fn row(readings: &Readings, workload: &Workload, server: &str, text: &mut String) -> fmt::Result {
    let rounds = readings.of(workload.name, server).len();
    if rounds == 0 {
        return Ok(());
    }
    let middle = |field| middle(readings, workload.name, server, field);
    // A connection without TLS is the same for all keys.
    let same = if let Load::Connect { .. } = workload.load { "connect" } else { workload.name };
    let ratios = readings.ratios_across((workload.name, server), (same, PLAIN));
    let ratio = if server == PLAIN { None } else { Estimate::of(&ratios) };
    writeln!(
        text,
        "| {} | {server} | {rounds} | {} | {} | {} | {:.0} % | {:.0} % | {} | {} |",
        workload.name,
        number(middle(|of| of.cpu_us)),
        ratio.map_or(String::new(), shown),
        number(middle(|of| of.per_second)),
        middle(|of| of.busy) * 100.0,
        middle(|of| of.generator) * 100.0,
        number(middle(|of| of.p50_us)),
        number(middle(|of| of.p99_us)),
    )
}

fn shown(Estimate { median, low, high, .. }: Estimate) -> String {
    format!("{median:.2} ({low:.2} to {high:.2})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_goals_are_reached() {
        let mut readings = Readings::default();
        let reading = |cpu_us| Reading { cpu_us, per_second: 1234.0, busy: 1.0, generator: 0.5, ..Reading::NONE };
        readings.push("echo-small", 0, PLAIN, reading(5.0));
        readings.push("echo-small", 0, SOCKHOP, reading(5.5));
        readings.push("echo-4k", 0, PLAIN, reading(1.0));
        readings.push("echo-4k", 0, SOCKHOP, reading(3.0));
        readings.push("connect", 0, PLAIN, reading(60.0));
        readings.push("connect-rsa", 0, SOCKHOP, reading(600.0));
        readings.push("idle", 0, SOCKHOP, Reading { bytes_each: 3700.0, start_kib: 9.0, ..Reading::NONE });
        let text = draw(&readings).unwrap();
        for line in [
            "| echo-small, CPU / without TLS | 1.20 | 1.10 (1.10 to 1.10) | reached |",
            "| echo-4k, CPU / without TLS | 2.00 | 3.00 (3.00 to 3.00) | missed |",
            "| echo-1m, CPU / without TLS | 4.00 |  | not measured |",
            "| idle, bytes | 3,800 | 3,700 | reached |",
            "| echo-small | sockhop/plain | 1 | 5.00 |  | 1,234 | 100 % | 50 % |  |  |",
            "| echo-small | sockhop | 1 | 5.50 | 1.10 (1.10 to 1.10) | 1,234 | 100 % | 50 % |  |  |",
            "| connect-rsa | sockhop | 1 | 600 | 10.00 (10.00 to 10.00) | 1,234 | 100 % | 50 % |  |  |",
            "| sockhop | 1 | 3,700 | 9.00 |",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
