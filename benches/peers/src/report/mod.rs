//! The report of the readings: tables in Markdown, and a chart.

mod chart;
mod compression;
mod growth;
mod hub;
mod machine;
mod table;
mod tls;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::readings::Readings;
use crate::statistics::Estimate;

/// The server with which all are compared.
const REFERENCE: &str = "floor";
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
/// The text between these lines of `docs/performance.md` is replaced.
const BEGIN: &str = "<!-- Written by benches/peers. -->\n";
const BEGIN_GROWTH: &str = "<!-- Written by benches/peers growth. -->\n";
const BEGIN_COMPRESSION: &str = "<!-- Written by benches/peers compression. -->\n";
const BEGIN_HUB: &str = "<!-- Written by benches/peers hub. -->\n";
const BEGIN_TLS: &str = "<!-- Written by benches/peers tls. -->\n";
const END: &str = "<!-- Until here. -->\n";

/// Prints the tables, and writes them and the chart into a folder, and also into the project's documents if asked to.
pub fn write(readings: &Readings, out: &Path, docs: bool) -> Result<(), Box<dyn Error>> {
    let table = machine::describe(readings) + "\n" + &table::draw(readings)?;
    let chart = chart::draw(readings)?;
    fs::write(out.join("table.md"), &table)?;
    fs::write(out.join("chart.svg"), &chart)?;
    print!("{table}");
    eprintln!("table.md, chart.svg and readings.csv are in {}", out.display());
    if docs {
        put(&table, BEGIN)?;
        fs::write(Path::new(DOCS).join("performance.svg"), &chart)?;
    }
    Ok(())
}

/// The same for growth, without a chart.
pub fn write_growth(readings: &Readings, out: &Path, docs: bool) -> Result<(), Box<dyn Error>> {
    let table = machine::describe(readings) + &growth::draw(readings)?;
    fs::write(out.join("growth.md"), &table)?;
    print!("{table}");
    eprintln!("growth.md and readings.csv are in {}", out.display());
    if docs { put(&table, BEGIN_GROWTH) } else { Ok(()) }
}

/// The same for compression, without a chart.
pub fn write_compression(readings: &Readings, out: &Path, docs: bool) -> Result<(), Box<dyn Error>> {
    let table = machine::describe(readings) + "\n" + &compression::draw(readings)?;
    fs::write(out.join("compression.md"), &table)?;
    print!("{table}");
    eprintln!("compression.md and readings.csv are in {}", out.display());
    if docs { put(&table, BEGIN_COMPRESSION) } else { Ok(()) }
}

/// The same for the hub, without a chart.
pub fn write_hub(readings: &Readings, out: &Path, docs: bool) -> Result<(), Box<dyn Error>> {
    let table = machine::describe(readings) + &hub::draw(readings)?;
    fs::write(out.join("hub.md"), &table)?;
    print!("{table}");
    eprintln!("hub.md and readings.csv are in {}", out.display());
    if docs { put(&table, BEGIN_HUB) } else { Ok(()) }
}

/// The same for TLS, without a chart.
pub fn write_tls(readings: &Readings, out: &Path, docs: bool) -> Result<(), Box<dyn Error>> {
    let table = machine::describe(readings) + &machine::describe_rustls() + &tls::draw(readings)?;
    fs::write(out.join("tls.md"), &table)?;
    print!("{table}");
    eprintln!("tls.md and readings.csv are in {}", out.display());
    if docs { put(&table, BEGIN_TLS) } else { Ok(()) }
}

/// Puts tables into the document, behind the line `begin`.
fn put(table: &str, begin: &str) -> Result<(), Box<dyn Error>> {
    let file = Path::new(DOCS).join("performance.md");
    let page = fs::read_to_string(&file)?;
    let page = replaced(&page, table, begin).ok_or_else(|| format!("docs/performance.md lacks {begin}"))?;
    Ok(fs::write(file, page)?)
}

fn replaced(page: &str, table: &str, begin: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, begin, "\n", table, "\n", END, after].concat())
}

/// The processor time of a server for a message, as a multiple of the floor's in the same round.
fn ratio(readings: &Readings, workload: &str, server: &str) -> Option<Estimate> {
    Estimate::of(&readings.ratios(workload, server, REFERENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_text_between_the_lines() {
        let page = format!("# Title\n{BEGIN}old\n{END}The rest.\n");
        let new = replaced(&page, "new\n", BEGIN).unwrap();
        assert_eq!(new, format!("# Title\n{BEGIN}\nnew\n\n{END}The rest.\n"));
        assert_eq!(replaced(&new, "new\n", BEGIN).unwrap(), new);
        assert_eq!(replaced("no place", "new\n", BEGIN), None);
    }
}
