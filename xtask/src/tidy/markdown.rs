//! Markdown, as the checks read it: links, and words in backticks outside of fenced code.

/// The lines outside of fenced code, with their numbers.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let line = line.trim_start();
        let is_fence = line.starts_with("```") || line.starts_with("~~~");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// The text in single backticks.
pub(super) fn backticked(line: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<_> = line.split('`').collect();
    // An odd backtick at the end opens nothing.
    let pairs = parts.len().saturating_sub(1) / 2;
    parts.into_iter().skip(1).step_by(2).take(pairs)
}

/// The targets of `[text](target)` and `![text](target "title")`.
pub(super) fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split_whitespace().next()?;
        Some(target.trim_start_matches('<').trim_end_matches('>'))
    })
}

/// The cells of a table's row; `None` for another line.
pub(super) fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?;
    let row = row.strip_suffix('|').unwrap_or(row);
    Some(row.split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenced_code_is_no_prose() {
        let text = "a\n```sh\nb\n```\nc";
        assert_eq!(prose(text).collect::<Vec<_>>(), [(1, "a"), (5, "c")]);
    }

    #[test]
    fn backticks_and_links_are_found() {
        assert_eq!(
            backticked("`a` b `c` d ` e").collect::<Vec<_>>(),
            ["a", "c"]
        );
        let line = "[a](b.md) ![c](d.png \"e\") [f](<g.md>)";
        assert_eq!(links(line).collect::<Vec<_>>(), ["b.md", "d.png", "g.md"]);
    }

    #[test]
    fn a_row_is_cut_into_cells() {
        assert_eq!(cells("| a | b |"), Some(vec!["a", "b"]));
        assert_eq!(cells("a | b"), None);
    }
}
