//! What an operator is shown of the server's state: counts and warnings, with the places they come from.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Serialize, Serializer};

use crate::{
    engine::{Engine, Warning},
    model::{Kind, Reason},
    resolve::explain::Oddity,
    source::{Finding, Location, Report},
    tame::tame,
};

/// The state as of the last batch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Whether every kind of object has been read.
    pub synced: bool,
    /// How many objects of each kind are known.
    pub objects: BTreeMap<&'static str, usize>,
    /// Everything odd about the input, in the order of its places: what has none comes first.
    pub warnings: Arc<[Notice]>,
}

/// One warning, as it is printed, served and logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Notice {
    /// `file:line`, if the object was read from a file.
    pub location: Option<String>,
    /// `Kind namespace/name`, if it is about an object.
    pub object: Option<String>,
    /// The field, for example `spec.backends[1].weight`; empty for the object as a whole.
    pub path: String,
    /// Which of the known oddities it is.
    #[serde(serialize_with = "as_str")]
    pub reason: Reason,
    /// What is wrong and what would be right.
    pub message: String,
}

fn as_str<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

impl fmt::Display for Notice {
    /// One line, whatever names are in it: it goes into logs and to terminals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{}: ", tame(location))?;
        }
        if let Some(object) = &self.object {
            f.write_str(&tame(object))?;
            if !self.path.is_empty() {
                write!(f, " {}", tame(&self.path))?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&tame(&self.message))
    }
}

impl Status {
    /// The state of an engine and of the source that feeds it.
    #[must_use]
    pub fn new(engine: &Engine, report: &Report) -> Self {
        let findings = report
            .findings
            .iter()
            .map(|finding| (Some(finding.location.clone()), Notice::of_finding(finding)));
        let warnings =
            engine.warnings().map(|warning| (place(warning, report), Notice::of_warning(warning, report)));
        let mut warnings: Vec<_> = findings.chain(warnings).collect();
        // By the place first: as texts, line 10 would come before line 6.
        warnings.sort();
        Self::with_warnings(engine, warnings.into_iter().map(|(_, notice)| notice).collect())
    }

    /// The same where the warnings are known. Making them anew costs microseconds each, and a large cluster has thousands.
    #[must_use]
    pub fn with_warnings(engine: &Engine, warnings: Arc<[Notice]>) -> Self {
        let counts = Kind::ALL.map(|kind| (kind.as_str(), engine.cluster().count(kind)));
        Self { synced: engine.is_synced(), objects: counts.into(), warnings }
    }
}

impl Notice {
    /// Something wrong in the input itself.
    #[must_use]
    pub fn of_finding(finding: &Finding) -> Self {
        Self {
            location: Some(finding.location.to_string()),
            object: finding.object.clone(),
            path: String::new(),
            reason: finding.reason,
            message: finding.message.clone(),
        }
    }

    /// Whether it is about what could not be read at all, which may concern anything.
    #[must_use]
    pub fn is_of_source(&self) -> bool {
        matches!(
            self.reason,
            Reason::UnreadableFile
                | Reason::IgnoredContent
                | Reason::NoManifests
                | Reason::InvalidObject
                | Reason::SourceStale
                | Reason::LossDoubted
        )
    }

    /// The same as a part of an explanation.
    #[must_use]
    pub fn oddity(&self) -> Oddity {
        let places = [&self.location, &self.object].into_iter().flatten();
        Oddity {
            object: places.map(String::as_str).collect::<Vec<_>>().join(": "),
            path: self.path.clone(),
            reason: self.reason.to_string(),
            message: self.message.clone(),
        }
    }

    /// Something odd about an object, with the place where it was read.
    #[must_use]
    pub fn of_warning(warning: &Warning, report: &Report) -> Self {
        Self {
            location: place(warning, report).map(|place| place.to_string()),
            object: Some(warning.object.to_string()),
            path: warning.problem.path.clone(),
            reason: warning.problem.reason,
            message: warning.problem.message.clone(),
        }
    }
}

/// Where what a warning is about was read, if from a file.
fn place(warning: &Warning, report: &Report) -> Option<Location> {
    report.origins.get(&warning.object).map(|origin| origin.locate(&warning.problem.path))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::resolve::Options;

    #[test]
    fn warnings_are_in_the_order_of_their_places() {
        let places = [("a.yaml", 0), ("a.yaml", 6), ("a.yaml", 10), ("b.yaml", 2), ("b/c.yaml", 1)];
        let finding = |(file, line): (&str, u32)| Finding {
            reason: Reason::InvalidObject,
            object: None,
            location: Location { file: Path::new(file).into(), line },
            message: String::new(),
        };
        let report =
            Report { findings: places.into_iter().rev().map(finding).collect(), ..Report::default() };
        let status = Status::new(&Engine::new("cluster.local".into(), Options::default()), &report);

        let found: Vec<_> =
            status.warnings.iter().map(|notice| notice.location.clone().expect("a file")).collect();
        assert_eq!(found, ["a.yaml", "a.yaml:6", "a.yaml:10", "b/c.yaml:1", "b.yaml:2"]);
    }

    #[test]
    fn a_notice_is_one_line_whatever_is_named_in_it() {
        let notice = Notice {
            location: Some("a\nb.yaml:1".into()),
            object: Some("TrafficSplit d/x\n2026-01-01 ERROR all is lost".into()),
            path: "spec\u{1b}[2J".into(),
            reason: Reason::InvalidObject,
            message: "found \r\n".into(),
        };
        assert!(!notice.to_string().contains(char::is_control), "{notice}");
        assert!(notice.to_string().contains(r"x\n2026-01-01 ERROR"), "{notice}");
    }
}
