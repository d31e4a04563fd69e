//! The targets that a log filter can name: the modules of this crate, and the packages it is built from.

use crate::nearest::nearest;

/// Known targets, one a line, sorted; written when the crate is built.
const KNOWN: &str = include_str!(concat!(env!("OUT_DIR"), "/log_targets.txt"));

/// Checks that the targets of a filter match something that can log.
///
/// # Errors
/// Which target matches nothing, and the nearest that would.
pub(super) fn check(filter: &str) -> Result<(), String> {
    filter.split(',').map(str::trim).filter_map(target).try_for_each(check_target)
}

/// The target of one directive: what is before its span and its level; `None` for a bare level.
fn target(directive: &str) -> Option<&str> {
    let end = directive.find(['=', '['])?;
    Some(directive[..end].trim()).filter(|target| !target.is_empty())
}

fn check_target(target: &str) -> Result<(), String> {
    // A filter takes a target for the beginning of those that it matches.
    if KNOWN.lines().any(|known| known.starts_with(target)) {
        return Ok(());
    }
    let (root, _) = target.split_once("::").unwrap_or((target, ""));
    // Of another crate only the name is known.
    if root != "switchyard" && KNOWN.lines().any(|known| known == root) {
        return Ok(());
    }
    let hint = match nearest(target, KNOWN.lines()) {
        Some(near) => format!("did you mean {near}?"),
        None => "write for example switchyard=debug or hyper=info".to_owned(),
    };
    Err(format!("nothing logs as {target:?}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn target_that_matches_nothing_is_refused_with_the_nearest() {
        for filter in [
            "info",
            "switchyard=debug",
            "switchyard::source=trace,warn",
            "switchyard::source::kube=debug",
            "info,hyper=debug,h2::codec=trace",
            "tower[request]=debug",
            "[batch]=debug",
            "switchyard::spans=debug",
        ] {
            assert_eq!(check(filter), Ok(()), "{filter}");
        }
        for (filter, expect) in [
            ("swichyard=debug", "nothing logs as \"swichyard\"; did you mean switchyard?"),
            ("info,switchyard::controler=debug", "did you mean switchyard::controller?"),
            ("hypr=info", "did you mean hyper?"),
            ("nothing-like-it=info", "write for example switchyard=debug"),
        ] {
            let error = check(filter).unwrap_err();
            assert!(error.contains(expect), "{filter}: {error}");
        }
    }
}
