//! Finds the name that a misspelt word is meant to be.

/// The name that begins with the written word, or else the one that is fewest edits away: at most one for three letters.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_ascii_lowercase();
    let rank = |name: &str| {
        let is_begun = written.len() > 1 && name.starts_with(&written);
        let edits = edits(written.as_bytes(), name.as_bytes());
        (is_begun || 3 * edits <= written.len().max(name.len())).then_some((!is_begun, edits))
    };
    names.filter_map(|name| Some((rank(name)?, name))).min().map(|(_, name)| name)
}

/// How many bytes must be inserted, removed, replaced or swapped with the next one to make one word of the other.
fn edits(one: &[u8], other: &[u8]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 0..one.len() {
        let mut row = vec![i + 1];
        for j in 0..other.len() {
            let replaced = rows[i][j] + usize::from(one[i] != other[j]);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i] == other[j - 1] && one[i - 1] == other[j] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("chta", "chat", 1),
            ("ecko", "echo", 1),
            ("after", "ater", 1),
            ("kitten", "sitting", 3),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(edits(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_beginning_goes_before_a_similar_name() {
        let names = ["ping", "ping-interval", "pong"];
        for (written, expected) in
            [("ping-", Some("ping-interval")), ("ping", Some("ping")), ("PONG", Some("pong")), ("p", None), ("", None)]
        {
            assert_eq!(nearest(written, names.into_iter()), expected, "{written}");
        }
    }
}
