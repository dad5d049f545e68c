//! The chart: a row for each workload, a dot for each server, on a logarithmic scale.

use std::fmt::{self, Write};

use super::{REFERENCE, ratio};
use crate::readings::Readings;
use crate::workload::{WORKLOADS, Workload};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 88.0;
const ROW: f64 = 34.0;
/// The values at which the scale has lines, as far as readings reach.
const LINES: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
/// Colours that all eyes can tell apart (Okabe and Ito). The first is Sockhop's.
const COLOURS: [&str; 9] =
    ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#999999", "#b15928"];

pub fn draw(readings: &Readings) -> Result<String, fmt::Error> {
    let mut servers: Vec<&str> = readings.servers().into_iter().filter(|server| *server != REFERENCE).collect();
    servers.sort_by_key(|server| *server != "sockhop");
    let measured = |workload: &&Workload| servers.iter().any(|server| ratio(readings, workload.name, server).is_some());
    let workloads: Vec<&Workload> = WORKLOADS.iter().filter(measured).collect();
    let most = workloads
        .iter()
        .flat_map(|workload| servers.iter().filter_map(|server| ratio(readings, workload.name, server)))
        .fold(2.0, |most: f64, ratio| most.max(ratio.high));
    let end = LINES.into_iter().find(|line| *line >= most).unwrap_or(most);
    let scale = |ratio: f64| {
        let share = (ratio.max(LINES[0]) / LINES[0]).ln() / (end / LINES[0]).ln();
        LEFT + share.min(1.0) * (WIDTH - LEFT - RIGHT)
    };
    let bottom = TOP + ROW * workloads.len() as f64;
    let mut svg = String::new();
    head(&mut svg, bottom + 40.0)?;
    legend(&mut svg, &servers)?;
    for line in LINES.into_iter().filter(|line| *line <= end) {
        let (x, class) = (scale(line), if line == 1.0 { "floor" } else { "line" });
        writeln!(svg, r#"<line class="{class}" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/>"#)?;
        writeln!(svg, r#"<text class="small" x="{x:.1}" y="{:.1}" text-anchor="middle">{line}</text>"#, bottom + 16.0)?;
    }
    for (at, workload) in workloads.iter().enumerate() {
        let y = TOP + ROW * (at as f64 + 0.5);
        writeln!(svg, r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#, LEFT - 12.0, y + 4.0, workload.name)?;
        // The first server is drawn last, so that its dot lies on top.
        for (at, server) in servers.iter().enumerate().rev() {
            let colour = COLOURS[at % COLOURS.len()];
            let Some(ratio) = ratio(readings, workload.name, server) else { continue };
            let (x, low, high) = (scale(ratio.median), scale(ratio.low), scale(ratio.high));
            let radius = if at == 0 { 6.5 } else { 4.5 };
            writeln!(
                svg,
                r#"<line stroke="{colour}" stroke-width="2" x1="{low:.1}" y1="{y}" x2="{high:.1}" y2="{y}"/>"#
            )?;
            writeln!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y}" r="{radius}" fill="{colour}"><title>{server}, {}: {:.2}</title></circle>"#,
                workload.name, ratio.median
            )?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn head(svg: &mut String, height: f64) -> fmt::Result {
    writeln!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">"#)?;
    writeln!(svg, "<title>Processor time for each message, as a multiple of the floor's</title>")?;
    writeln!(
        svg,
        "<style>text {{ font: 13px system-ui, sans-serif; fill: #24292f }} .small {{ font-size: 11px }} \
         .line {{ stroke: #8884 }} .floor {{ stroke: #888; stroke-dasharray: 4 3 }} \
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>"
    )?;
    writeln!(
        svg,
        r#"<text x="{LEFT}" y="20">Processor time for each message, as a multiple of the floor's: less is better</text>"#
    )
}

/// The names of the servers in their colours, on as many lines as needed.
fn legend(svg: &mut String, servers: &[&str]) -> fmt::Result {
    let (mut x, mut y) = (LEFT, 44.0);
    for (server, colour) in servers.iter().zip(COLOURS.iter().cycle()) {
        let width = 30.0 + 7.5 * server.len() as f64;
        if x + width > WIDTH {
            (x, y) = (LEFT, y + 20.0);
        }
        writeln!(svg, r#"<circle cx="{:.1}" cy="{:.1}" r="5" fill="{colour}"/>"#, x + 5.0, y - 4.0)?;
        writeln!(svg, r#"<text x="{:.1}" y="{y}">{server}</text>"#, x + 16.0)?;
        x += width;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::Reading;

    #[test]
    fn a_dot_lies_where_the_ratio_says() {
        let mut readings = Readings::default();
        for (server, cpu_us) in [("floor", 2.0), ("sockhop", 2.0), ("other", 4.0)] {
            readings.push("echo-4k", 0, server, Reading { cpu_us, ..Reading::NONE });
        }
        let svg = draw(&readings).unwrap();
        // On a scale from 0.5 to 2, 1 lies in the middle and 2 at the end.
        let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
        assert!(svg.contains(&format!(r#"<circle cx="{middle:.1}" cy="105" r="6.5""#)), "{svg}");
        assert!(svg.contains(&format!(r#"<circle cx="{:.1}" cy="105" r="4.5""#, WIDTH - RIGHT)), "{svg}");
        assert!(svg.contains("other, echo-4k: 2.00"));
    }
}
