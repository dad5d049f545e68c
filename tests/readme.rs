//! The README and the crate's documentation lead with the same example.

/// The first block of Rust in a Markdown text.
fn first_example(markdown: &str) -> String {
    let mut lines = markdown.lines().skip_while(|line| !line.starts_with("```rust") && *line != "```no_run").skip(1);
    lines.by_ref().take_while(|line| *line != "```").fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn the_readme_and_the_crate_lead_with_the_same_example() {
    let crate_docs: String = include_str!("../src/lib.rs")
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n")
        .collect();
    let example = first_example(include_str!("../README.md"));
    assert!(example.contains("fn main()"), "{example}");
    assert_eq!(example, first_example(&crate_docs));
}
