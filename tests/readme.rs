//! The README has the same examples as other documents.

/// The first block of Rust in a Markdown text.
fn first_example(markdown: &str) -> String {
    let mut lines = markdown.lines().skip_while(|line| !line.starts_with("```rust") && *line != "```no_run").skip(1);
    lines.by_ref().take_while(|line| *line != "```").fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn the_readme_and_the_crate_lead_with_the_same_example() {
    let example = first_example(include_str!("../README.md"));
    assert!(example.contains("fn main()"), "{example}");
    assert_eq!(example, first_example(include_str!("../src/server/guide.md")));
}

#[test]
fn the_readme_has_the_recipe_for_nginx_that_is_tested() {
    let recipe = |markdown: &str| -> String {
        let lines = markdown.lines().skip_while(|line| *line != "```nginx").skip(1);
        lines.take_while(|line| *line != "```").fold(String::new(), |text, line| text + line + "\n")
    };
    let readme = recipe(include_str!("../README.md"));
    assert!(readme.contains("proxy_pass"), "{readme}");
    assert_eq!(readme, recipe(include_str!("../docs/proxies.md")));
}
