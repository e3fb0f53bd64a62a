//! Which modules of its crate a file names: `crate::a`, `crate::{a, b::{c, d}}`, `super::super::a`.

use super::super::source::{Source, is_word, words};

/// Each top module that shipped code names, with its line. `file` is relative to the crate's root.
pub(super) fn of_crate(file: &str, source: &Source) -> Vec<(usize, String)> {
    // In one piece, since a group in braces runs over lines.
    let mut text = String::new();
    let mut starts = Vec::new();
    for (number, code) in source.shipped() {
        starts.push((text.len(), number));
        text.push_str(code);
        text.push('\n');
    }
    let line_of = |at: usize| {
        let after = starts.partition_point(|(start, _)| *start <= at);
        starts[after - 1].1
    };
    let mut mentions = Vec::new();
    let mut supers = 0;
    let mut expected = 0;
    for (at, word) in words(&text) {
        let after = at + word.len();
        supers = match word {
            "super" if supers > 0 && at == expected => supers + 1,
            "super" => 1,
            _ => 0,
        };
        let is_root = word == "crate" || supers > 0 && supers == depth(file);
        let path = text[after..].trim_start();
        if let Some(path) = path.strip_prefix("::") {
            let path = text.len() - path.len();
            expected = path;
            if is_root {
                let heads = heads(&text[path..]).into_iter();
                mentions.extend(heads.map(|(offset, head)| (line_of(path + offset), head)));
            }
        }
    }
    mentions
}

/// How many modules stand between a file and the root: as many `super`s lead there.
fn depth(file: &str) -> usize {
    let folders = file.matches('/').count();
    folders + usize::from(!file.ends_with("/mod.rs"))
}

/// The first names of a path, or of each path of a group.
fn heads(path: &str) -> Vec<(usize, String)> {
    let trimmed = path.trim_start();
    let start = path.len() - trimmed.len();
    let Some(group) = trimmed.strip_prefix('{') else {
        let name: String = trimmed.chars().take_while(|next| is_word(*next)).collect();
        return vec![(start, name)];
    };
    let mut heads = Vec::new();
    let mut depth = 1;
    let mut expects = true;
    let mut at = 0;
    while depth > 0 && at < group.len() {
        let rest = &group[at..];
        let next = rest.chars().next().unwrap_or(' ');
        if is_word(next) {
            let name: String = rest.chars().take_while(|next| is_word(*next)).collect();
            at += name.len();
            if expects {
                heads.push((start + 1 + at - name.len(), name));
            }
            expects = false;
        } else {
            match next {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => expects = depth == 1,
                _ => {}
            }
            at += next.len_utf8();
        }
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &str, text: &str) -> Vec<(usize, String)> {
        of_crate(file, &Source::new("core/src/x.rs", text))
    }

    fn pair(line: usize, name: &str) -> (usize, String) {
        (line, name.to_owned())
    }

    #[test]
    fn paths_and_groups_are_read() {
        let text = "fn a() { crate::ledger::b() }\nuse crate::{\n    os,\n    policy::{c, d::e},\n    report as f,\n};";
        let expected = [
            pair(1, "ledger"),
            pair(3, "os"),
            pair(4, "policy"),
            pair(5, "report"),
        ];
        assert_eq!(names("x.rs", text), expected);
    }

    #[test]
    fn supers_that_lead_to_the_root_are_read() {
        assert_eq!(
            names("ledger.rs", "use super::report::A;"),
            [pair(1, "report")]
        );
        assert_eq!(
            names("ledger/a.rs", "use super::super::report::A;"),
            [pair(1, "report")]
        );
        assert_eq!(
            names("ledger/mod.rs", "use super::report::A;"),
            [pair(1, "report")]
        );
        assert!(names("ledger/a.rs", "use super::report::A;").is_empty());
    }
}
