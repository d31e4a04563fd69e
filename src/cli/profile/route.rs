//! The routes of a profile, briefly.

use crate::{
    cli::{
        json::duration,
        style::tame,
        table::{Align, Table},
    },
    pb::destination::Route,
};

/// Its label `route`, which is the name it has in the ServiceProfile.
fn name(route: &Route) -> String {
    route.metrics_labels.get("route").map_or_else(|| "(unnamed)".to_owned(), |name| tame(name).into_owned())
}

/// The routes in the order in which they are tried.
pub(super) fn table(routes: &[Route]) -> Table<3> {
    let mut table =
        Table::new([("ROUTE", Align::Left), ("TIMEOUT", Align::Right), ("RETRYABLE", Align::Left)]);
    for route in routes {
        let timeout = route.timeout.as_ref().map_or_else(|| "-".to_owned(), duration);
        let retryable = if route.is_retryable { "yes" } else { "no" };
        table.row([name(route), timeout, retryable.to_owned()]);
    }
    table
}

/// `routes: + GET /a, ~ GET /b, - GET /c (now 2)`
pub(super) fn difference(before: &[Route], now: &[Route]) -> String {
    let named = |routes: &[Route], wanted: &str| -> Vec<Route> {
        routes.iter().filter(|route| name(route) == wanted).cloned().collect()
    };
    let mut names: Vec<_> = before.iter().chain(now).map(name).collect();
    names.sort_unstable();
    names.dedup();
    let mut words = Vec::new();
    for name in names {
        let (old, new) = (named(before, &name), named(now, &name));
        let sign = match (old.is_empty(), new.is_empty()) {
            (true, _) => '+',
            (_, true) => '-',
            _ if old != new => '~',
            _ => continue,
        };
        words.push(format!("{sign} {name}"));
    }
    if words.is_empty() {
        words.push("only their order".to_owned());
    }
    format!("routes: {} (now {})", words.join(", "), now.len())
}
