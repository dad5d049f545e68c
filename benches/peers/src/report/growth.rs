//! The tables of growth: a column for each size.

use std::fmt::{self, Write};

use super::table::{grouped, number};
use super::{REFERENCE, ratio};
use crate::readings::{Reading, Readings};
use crate::statistics::median;
use crate::workload::{GROWTH, Load, Series};

pub fn draw(readings: &Readings) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for series in GROWTH.iter().filter(|series| has(readings, series)) {
        let sizes: Vec<String> = series.sizes.iter().map(|size| grouped(*size as f64)).collect();
        writeln!(text, "\n#### {}: {}\n", series.name, series.about)?;
        writeln!(text, "| {} | {} |", series.unit, sizes.join(" | "))?;
        writeln!(text, "|---|{}", "--:|".repeat(sizes.len()))?;
        let memory = !matches!((series.load)(series.sizes[0]), Load::Echo { .. } | Load::Broadcast { .. });
        for server in readings.servers() {
            if !matches!((series.load)(series.sizes[0]), Load::Idle { .. }) {
                row(&mut text, series, &format!("{server}, CPU µs"), |name| {
                    middle(readings, name, server, |of| of.cpu_us)
                })?;
            }
            if memory {
                let bytes = |name: &str| middle(readings, name, server, |of| of.bytes_each);
                row(&mut text, series, &format!("{server}, bytes per connection"), bytes)?;
            }
        }
        for server in readings.servers().into_iter().filter(|server| *server != REFERENCE) {
            let compared = |name: &str| {
                let ratio = ratio(readings, name, server)?;
                Some(format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.low, ratio.high))
            };
            row(&mut text, series, &format!("{server}, CPU × {REFERENCE} (95 %)"), compared)?;
        }
    }
    Ok(text)
}

fn has(readings: &Readings, series: &Series) -> bool {
    let servers = readings.servers();
    series.sizes.iter().any(|size| servers.iter().any(|server| !readings.of(&series.name_at(*size), server).is_empty()))
}

/// A row with one value for each size, or no row if there are no values.
fn row(text: &mut String, series: &Series, title: &str, value: impl Fn(&str) -> Option<String>) -> fmt::Result {
    let values: Vec<Option<String>> = series.sizes.iter().map(|size| value(&series.name_at(*size))).collect();
    if values.iter().all(Option::is_none) {
        return Ok(());
    }
    let values: Vec<String> = values.into_iter().map(Option::unwrap_or_default).collect();
    writeln!(text, "| {title} | {} |", values.join(" | "))
}

/// The median of a server's readings.
fn middle(readings: &Readings, name: &str, server: &str, field: fn(&Reading) -> f64) -> Option<String> {
    let values: Vec<f64> = readings.of(name, server).iter().map(|(_, reading)| field(reading)).collect();
    median(&values).map(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_column_for_each_size_and_a_row_for_each_figure() {
        let mut readings = Readings::default();
        for (size, floor, ours) in [(100, 4.0, 5.0), (1000, 8.0, 8.0)] {
            readings.push(&format!("bcast-at-{size}"), 0, "floor", Reading { cpu_us: floor, ..Reading::NONE });
            readings.push(&format!("bcast-at-{size}"), 0, "sockhop", Reading { cpu_us: ours, ..Reading::NONE });
        }
        readings.push("idle-at-5000", 0, "sockhop", Reading { bytes_each: 73.0, ..Reading::NONE });
        readings.push("all-of-at-10", 0, "sockhop", Reading { cpu_us: 2.0, bytes_each: 1234.0, ..Reading::NONE });
        let lines = [
            "#### bcast: one message of 128 bytes to all; per delivery",
            "| connections | 100 | 1,000 | 5,000 | 10,000 |",
            "| floor, CPU µs | 4.00 | 8.00 |  |  |",
            "| sockhop, CPU µs | 5.00 | 8.00 |  |  |",
            "| sockhop, CPU × floor (95 %) | 1.25 (1.25 to 1.25) | 1.00 (1.00 to 1.00) |  |  |",
            "#### idle: each has had one message, and does nothing",
            "| connections | 100 | 1,000 | 5,000 | 10,000 |",
            "| sockhop, bytes per connection |  |  | 73.0 |  |",
            "#### all-of: 100 subscribers to all the topics, 128 bytes to one after the other; per delivery",
            "| topics | 1 | 10 | 100 | 1,000 |",
            "| sockhop, CPU µs |  | 2.00 |  |  |",
            "| sockhop, bytes per connection |  | 1,234 |  |  |",
        ];
        let text = draw(&readings).unwrap();
        assert_eq!(
            text.lines().filter(|line| !line.is_empty() && !line.starts_with("|---")).collect::<Vec<_>>(),
            lines
        );
    }
}
