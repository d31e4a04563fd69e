//! All metrics as text, in either of the two formats that scrapers read.
//!
//! OpenMetrics is what the library writes. The older format of Prometheus differs in the lines that describe a metric:
//! there a counter is described under its whole name, with `_total`, and there are no units, no infos and no end.

use prometheus_client::{encoding::text::encode, registry::Registry};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which everything reads.
    Prometheus,
}

impl Format {
    /// What to answer to these values of `Accept`: OpenMetrics to whoever names it, in whatever version; the other to
    /// all the rest, who may be people or checkers that know nothing else.
    #[must_use]
    pub fn accepted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let names = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let is_it =
                parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
            let is_refused = |part: &str| {
                let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
                weight.is_some_and(|weight| weight.parse::<f32>() == Ok(0.0))
            };
            is_it && !parts.any(is_refused)
        };
        if accept.into_iter().flat_map(|value| value.split(',')).any(names) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Its `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// All metrics of a registry.
    #[must_use]
    pub fn render(self, registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).expect("a String takes everything");
        match self {
            Self::OpenMetrics => text,
            Self::Prometheus => older(&text),
        }
    }
}

/// OpenMetrics text in the older format.
fn older(text: &str) -> String {
    let mut older = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words[..] {
            // What to call it is known from its type, which is said next.
            ["#", "HELP", _, text] => help = Some(text),
            ["#", "TYPE", name, kind] => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                if let Some(help) = help.take() {
                    older.extend(["# HELP ", name, suffix, " ", help, "\n"]);
                }
                older.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
            }
            ["#", ..] => {}
            _ => older.extend([line, "\n"]),
        }
    }
    older
}

#[cfg(test)]
mod tests {
    use prometheus_client::{
        metrics::{counter::Counter, gauge::Gauge, info::Info},
        registry::Unit,
    };

    use super::*;
    use crate::metrics::{Histogram, series::AsNamed};

    #[test]
    fn who_names_openmetrics_gets_it_and_everybody_else_gets_the_older_format() {
        let open = "application/openmetrics-text";
        for (accept, expect) in [
            (vec![], Format::Prometheus),
            (vec!["*/*"], Format::Prometheus),
            (vec!["text/plain;version=0.0.4;q=1,*/*;q=0.1"], Format::Prometheus),
            (vec![open], Format::OpenMetrics),
            (vec!["text/html, Application/OpenMetrics-Text ; version=0.0.1"], Format::OpenMetrics),
            (vec!["text/plain", "application/openmetrics-text;version=1.0.0;q=0.5"], Format::OpenMetrics),
            (vec!["application/openmetrics-text;q=0"], Format::Prometheus),
            (vec!["application/openmetrics-text;q=0.0,text/plain"], Format::Prometheus),
            (vec!["application/openmetrics-textual", ";;,,"], Format::Prometheus),
        ] {
            assert_eq!(Format::accepted(accept.clone()), expect, "{accept:?}");
        }
    }

    #[test]
    fn the_older_format_describes_each_metric_by_the_name_that_it_has() {
        let mut registry = Registry::with_prefix("x");
        registry.register("build", "What it is", Info::new([("version", "1 # 2")].to_vec()));
        registry.register("asked", "How often", Counter::<u64>::default());
        registry.register("updates", "How many", AsNamed(Counter::default()));
        registry.register_with_unit("size", "How large", Unit::Bytes, Gauge::<i64>::default());
        registry.register_with_unit("time", "How long", Unit::Seconds, Histogram::with_bounds(&[0.5]));
        let expect = "\
# HELP x_build_info What it is.
# TYPE x_build_info gauge
x_build_info{version=\"1 # 2\"} 1
# HELP x_asked_total How often.
# TYPE x_asked_total counter
x_asked_total 0
# HELP x_updates How many.
# TYPE x_updates untyped
x_updates 0
# HELP x_size_bytes How large.
# TYPE x_size_bytes gauge
x_size_bytes 0
# HELP x_time_seconds How long.
# TYPE x_time_seconds histogram
x_time_seconds_sum 0.0
x_time_seconds_count 0
x_time_seconds_bucket{le=\"0.5\"} 0
x_time_seconds_bucket{le=\"+Inf\"} 0
";
        assert_eq!(Format::Prometheus.render(&registry), expect);
        assert!(Format::OpenMetrics.render(&registry).ends_with("# EOF\n"));
    }
}
