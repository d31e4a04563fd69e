//! A page of OpenMetrics, taken apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::server::{Binary, http};

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// A family of metrics as its page describes it.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) unit: String,
    /// By the whole name of a sample, the sets of labels that it has.
    pub(super) samples: BTreeMap<String, BTreeSet<Labels>>,
}

/// The page of a server.
pub(super) async fn of(server: &Binary) -> String {
    let head =
        "GET /metrics HTTP/1.1\r\nhost: localhost\r\naccept: application/openmetrics-text;version=1.0.0\r\n";
    let (code, page) = http(server.admin, head).await.expect("the admin port answers");
    assert_eq!(code, 200);
    page
}

/// The families of a page by name.
///
/// # Panics
/// If a line is none of OpenMetrics, or belongs to no family that was described before it.
pub(super) fn families(page: &str) -> BTreeMap<String, Family> {
    let page = page.strip_suffix("# EOF\n").expect("a page that is whole");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut last = String::new();
    for line in page.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", "HELP", name, help] => {
                assert!(
                    families.insert(name.to_owned(), Family::default()).is_none(),
                    "{name} is there twice"
                );
                assert!(help.ends_with('.') && help.len() > 3, "{name} says of itself {help:?}");
                name.clone_into(&mut last);
            }
            ["#", "TYPE", name, kind] if name == last => {
                kind.clone_into(&mut of_name(&mut families, name).kind);
            }
            ["#", "UNIT", name, unit] if name == last => {
                unit.clone_into(&mut of_name(&mut families, name).unit);
            }
            _ => {
                let (name, labels) = sample(line);
                assert!(name.starts_with(&last), "{line} stands below {last}");
                let all = of_name(&mut families, &last).samples.entry(name.clone()).or_default();
                assert!(all.insert(labels), "{line} is there twice");
            }
        }
    }
    families
}

fn of_name<'a>(families: &'a mut BTreeMap<String, Family>, name: &str) -> &'a mut Family {
    families.get_mut(name).unwrap_or_else(|| panic!("{name} was not described"))
}

/// The name and labels of a sample. None of our values has a quote or a comma in it.
fn sample(line: &str) -> (String, Labels) {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    value.parse::<f64>().unwrap_or_else(|_| panic!("{line} has no number"));
    let Some((name, labels)) = series.split_once('{') else { return (series.to_owned(), Labels::new()) };
    let labels = labels.strip_suffix('}').expect("the end of the labels").split(',').map(|label| {
        let (name, value) = label.split_once('=').expect("a label and its value");
        (name.to_owned(), value.trim_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect())
}
