//! The shape of the TypeScript trees.

use std::path::Path;

use super::{FILE_LINES_MAX, LEFT_OPEN};

/// Longest file of a component, in lines.
const COMPONENT_LINES_MAX: usize = 220;
/// Where they are.
pub(super) const ROOTS: &[&str] = &["sdk/typescript", "web"];
/// Whether these rules are about this file.
pub(super) fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "ts" || extension == "tsx")
}

pub(super) fn check_source(name: &str, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    let component = name.ends_with(".tsx") && !name.ends_with(".test.tsx");
    let most = if component { COMPONENT_LINES_MAX } else { FILE_LINES_MAX };
    if lines > most {
        findings.push(format!("{name} has {lines} lines, more than {most}: split it where a name appears"));
    }
    for word in LEFT_OPEN {
        if text.contains(word) {
            findings.push(format!("{name} contains {word}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_smaller_than_other_files() {
        let findings = |name: &str, lines: usize| {
            let mut findings = Vec::new();
            check_source(name, &"x;\n".repeat(lines), &mut findings);
            findings.len()
        };
        assert_eq!(findings("a.tsx", COMPONENT_LINES_MAX), 0);
        assert_eq!(findings("a.tsx", COMPONENT_LINES_MAX + 1), 1);
        assert_eq!(findings("a.test.tsx", FILE_LINES_MAX), 0);
        assert_eq!(findings("a.ts", FILE_LINES_MAX + 1), 1);
    }
}
