//! The committed figures, and their comparison with new counts.

use std::fmt::Write;
use std::process::Command;
use std::{env, fs};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/figures.txt");
/// The share by which a count may exceed its figure.
const MOST: f64 = 0.05;
/// Another compiler makes other code from the same source, so only a large difference fails.
const MOST_WITH_ANOTHER_COMPILER: f64 = 0.15;

/// Hides from glibc the features for which it has special functions. SSE2, which every x86-64 has, stays.
pub const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-BMI2,-BMI1,-ERMS,-FSRM,-RTM,\
    -SSSE3,-SSE4_1,-SSE4_2,-MOVBE,-LZCNT,-POPCNT,-Fast_Unaligned_Copy,-AVX_Fast_Unaligned_Load:\
    glibc.cpu.x86_non_temporal_threshold=0xc0000";

/// The facts on which figures depend besides the source.
#[derive(PartialEq)]
pub struct Platform {
    /// The processor, the system, and the features that our dependencies detect at run time.
    target: String,
    compiler: String,
}

impl Platform {
    pub fn here() -> Self {
        let rustc = Command::new(env::var("RUSTC").as_deref().unwrap_or("rustc")).arg("--version").output();
        let version = rustc.ok().and_then(|out| String::from_utf8(out.stdout).ok()).unwrap_or_default();
        let compiler = version.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let target = format!("{}-{}{}", env::consts::ARCH, env::consts::OS, features());
        Platform { target, compiler: compiler.trim().to_owned() }
    }
}

/// `simdutf8` has one implementation for AVX2 and others for older processors.
#[cfg(target_arch = "x86_64")]
fn features() -> &'static str {
    if is_x86_feature_detected!("avx2") { "+avx2" } else { "" }
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> &'static str {
    ""
}

pub struct Figures {
    platform: Platform,
    figures: Vec<(String, f64)>,
}

impl Figures {
    pub fn of(platform: Platform, counts: &[(&str, f64)]) -> Self {
        Figures { platform, figures: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect() }
    }

    pub fn read() -> Self {
        let text = fs::read_to_string(FILE).expect("the figures");
        let words =
            |name: &str| text.lines().find_map(|line| Some(line.strip_prefix("# ")?.strip_prefix(name)?.trim()));
        let platform = Platform {
            target: words("target").unwrap_or_default().to_owned(),
            compiler: words("compiler").unwrap_or_default().to_owned(),
        };
        let figures = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.trim().parse().expect("a number")))
        });
        Figures { platform, figures: figures.collect() }
    }

    pub fn write(&self) {
        let mut text =
            "# Instructions per message. Written by `cargo bench --bench instructions -- --record`.\n".to_owned();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# target {}\n# compiler {}", self.platform.target, self.platform.compiler);
        for (name, count) in &self.figures {
            let _ = writeln!(text, "{name:<14} {count:>10.1}");
        }
        fs::write(FILE, &text).expect("the figures");
        print!("{text}");
    }

    /// Prints all counts beside their figures. Returns whether none is too high.
    pub fn compare(&self, here: &Platform, counts: &[(&str, f64)]) -> bool {
        let comparable = self.platform.target == here.target;
        let most = if self.platform.compiler == here.compiler { MOST } else { MOST_WITH_ANOTHER_COMPILER };
        let (mut too_many, mut fewer, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        println!("{:<14} {:>12} {:>12} {:>8}", "instructions", "per message", "figure", "");
        for (name, count) in counts {
            let Some((_, figure)) = self.figures.iter().find(|(known, _)| known == name) else {
                unknown.push(*name);
                println!("{name:<14} {count:>12.1} {:>12}", "none");
                continue;
            };
            let change = count / figure - 1.0;
            println!("{name:<14} {count:>12.1} {figure:>12.1} {:>+7.1} %", change * 100.0);
            if change > most {
                too_many.push(*name);
            } else if change < -MOST {
                fewer.push(*name);
            }
        }
        if !comparable {
            println!(
                "the figures are for {}, but this is {}: they are not compared",
                self.platform.target, here.target
            );
            return true;
        }
        if self.platform.compiler != here.compiler {
            println!(
                "the figures are from {}, but this is {}: {:.0} % more is allowed; record them again in a separate commit",
                self.platform.compiler,
                here.compiler,
                most * 100.0
            );
        }
        let again = "`cargo bench --bench instructions -- --record`";
        if !fewer.is_empty() {
            println!("well done: {}. {again} lowers the figures to keep it that way.", fewer.join(", "));
        }
        if !too_many.is_empty() {
            println!(
                "FAILED: more than {:.0} % above the figure: {}. See where they are spent with `callgrind_annotate \
                 target/tmp/instructions.NAME.ROUNDS`. If the change is worth them, say so in the commit, and \
                 include the figures that {again} writes.",
                most * 100.0,
                too_many.join(", ")
            );
        }
        if !unknown.is_empty() {
            println!("FAILED: without a figure: {}. {again} writes them.", unknown.join(", "));
        }
        too_many.is_empty() && unknown.is_empty()
    }
}
