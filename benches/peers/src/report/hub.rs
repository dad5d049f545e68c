//! The tables about the hub: a line for each workload and server, and one for the memory of each thing.

use std::fmt::{self, Write};

use super::table::number;
use crate::readings::{Reading, Readings};
use crate::serve;
use crate::statistics::{Estimate, median};
use crate::workload::{HUB, HubLoad, Load, Workload};

pub fn draw(readings: &Readings) -> Result<String, fmt::Error> {
    let servers = readings.servers();
    let is_measured =
        |workload: &&Workload| servers.iter().any(|server| !readings.of(workload.name, server).is_empty());
    let (memory, time): (Vec<&Workload>, Vec<&Workload>) =
        HUB.iter().filter(is_measured).partition(|workload| is_memory(workload.load));
    let mut text = String::new();
    writeln!(
        text,
        "\n| workload | server | rounds | CPU µs | × nchan (95 %) | a second | busy | generator | p50 µs | p99 µs |"
    )?;
    writeln!(text, "|---|---|{}", "--:|".repeat(8))?;
    for workload in &time {
        for server in &servers {
            row(readings, workload, server, &mut text)?;
        }
    }
    deliveries(readings, &mut text)?;
    writeln!(text, "\n| bytes for | hub | nchan | of them shared |\n|---|--:|--:|--:|")?;
    for workload in memory {
        let middle = |server, field: fn(&Reading) -> f64| middle(readings, workload.name, server, field);
        let (hub, nchan) = (middle(serve::HUB, |of| of.bytes_each), middle(serve::NCHAN, |of| of.bytes_each));
        let shared = number(middle(serve::NCHAN, |of| of.shared_each));
        writeln!(text, "| {} | {} | {} | {shared} |", workload.about, number(hub), number(nchan))?;
    }
    writeln!(text)?;
    for workload in time {
        writeln!(text, "- {}: {}", workload.name, workload.about)?;
    }
    Ok(text)
}

fn is_memory(load: Load) -> bool {
    matches!(load, Load::Hub(HubLoad::Listeners { .. } | HubLoad::Channels { .. } | HubLoad::Messages { .. }))
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
    let ratio =
        if server == serve::NCHAN { None } else { Estimate::of(&readings.ratios(workload.name, server, serve::NCHAN)) };
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

/// The processor time of the hub's deliveries, as a multiple of a bare broadcast's in the same round.
fn deliveries(readings: &Readings, text: &mut String) -> fmt::Result {
    let mut rows = String::new();
    for (delivery, broadcast) in [
        ("deliver-1000", "bcast-1000"),
        ("deliver-1000-ids", "bcast-1000"),
        ("deliver-1000-k8", "bcast-1000-k8"),
        ("deliver-1000-k8-ids", "bcast-1000-k8"),
    ] {
        let ratios = readings.ratios_across((delivery, serve::HUB), (broadcast, "sockhop"));
        if let Some(ratio) = Estimate::of(&ratios) {
            writeln!(rows, "| {delivery} / {broadcast} | {} |", shown(ratio))?;
        }
    }
    if rows.is_empty() {
        Ok(())
    } else {
        write!(text, "\n| the hub / a bare broadcast | CPU (95 %) |\n|---|--:|\n{rows}")
    }
}

fn shown(Estimate { median, low, high, .. }: Estimate) -> String {
    format!("{median:.2} ({low:.2} to {high:.2})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_with_nchan_and_with_a_bare_broadcast() {
        let mut readings = Readings::default();
        let reading = |cpu_us| Reading { cpu_us, per_second: 1234.0, busy: 1.0, generator: 0.5, ..Reading::NONE };
        let memory = |bytes_each, shared_each| Reading { bytes_each, shared_each, ..Reading::NONE };
        readings.push("publish-10", 0, "hub", reading(5.0));
        readings.push("publish-10", 0, "nchan", reading(10.0));
        readings.push("bcast-1000", 0, "sockhop", reading(4.0));
        readings.push("deliver-1000-ids", 0, "hub", reading(5.0));
        readings.push("listeners", 0, "hub", memory(70.0, 0.0));
        readings.push("listeners", 0, "nchan", memory(700.0, 300.0));
        let text = draw(&readings).unwrap();
        for line in [
            "| publish-10 | hub | 1 | 5.00 | 0.50 (0.50 to 0.50) | 1,234 | 100 % | 50 % |  |  |",
            "| publish-10 | nchan | 1 | 10.0 |  | 1,234 | 100 % | 50 % |  |  |",
            "| bcast-1000 | sockhop | 1 | 4.00 |  | 1,234 | 100 % | 50 % |  |  |",
            "| deliver-1000-ids / bcast-1000 | 1.25 (1.25 to 1.25) |",
            "| a listener of one channel, with 10,000 of them | 70.0 | 700 | 300 |",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
