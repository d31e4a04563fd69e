//! Streams as a table.

use std::io::{self, Write};

use super::{Row, lateness};
use crate::{
    cli::{
        duration::short,
        percent::percent,
        style::tame,
        table::{Align, Table},
    },
    streams::{OpenStream, Told},
};

/// How many backends are named in a line.
const NAMED: usize = 6;

/// The column of the server, which says nothing if there is only one.
const SERVER: usize = 0;

/// Writes the rows, which are some of so many that were found on so many servers.
pub(super) fn write(rows: &[Row], found: usize, servers: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([
        ("SERVER", Align::Left),
        ("CLIENT", Align::Left),
        ("POD", Align::Left),
        ("NODE", Align::Left),
        ("AUTHORITY", Align::Left),
        ("READING", Align::Left),
        ("VERSION", Align::Right),
        ("BEHIND", Align::Right),
        ("AGE", Align::Right),
        ("SENT", Align::Right),
        ("MESSAGES", Align::Right),
        ("BYTES", Align::Right),
        ("WAS TOLD", Align::Left),
    ]);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    for Row { server, stream } in rows {
        table.row([
            server.clone(),
            or_dash(&stream.client),
            pod(stream),
            or_dash(&stream.node),
            stream.authority.clone(),
            stream.reading.clone().unwrap_or_else(|| "profile".to_owned()),
            stream.told.as_ref().map_or_else(|| "-".to_owned(), |told| told.version.to_string()),
            behind(stream),
            short(stream.age_seconds),
            stream.sent_seconds_ago.map_or_else(|| "-".to_owned(), short),
            stream.messages.to_string(),
            stream.bytes.to_string(),
            stream.told.as_ref().map_or_else(|| "nothing yet".to_owned(), was_told),
        ]);
    }
    let table = if servers == 1 { table.without(SERVER) } else { table };
    if !rows.is_empty() {
        table.write(out)?;
        for stream in rows.iter().map(|row| &row.stream) {
            addresses(stream, out)?;
        }
        writeln!(out)?;
    }
    let late = rows.iter().filter(|row| lateness(&row.stream) > 0.0).count();
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let of = if servers == 1 { String::new() } else { format!(" of {}", counted(servers, "server")) };
    let shown = if rows.len() < found { format!(", {} of them shown", rows.len()) } else { String::new() };
    writeln!(out, "{}{of}{shown}, {late} behind", counted(found, "stream"))
}

fn pod(stream: &OpenStream) -> String {
    match (&stream.namespace, &stream.pod) {
        (Some(namespace), Some(pod)) => format!("{namespace}/{pod}"),
        (Some(namespace), None) => format!("{namespace}/-"),
        (None, Some(pod)) => pod.clone(),
        (None, None) => "-".to_owned(),
    }
}

/// `-`, `2 (1.2 s)` if it does not take two answers, `write (1.2 s)` if its connection does not take what it took.
fn behind(stream: &OpenStream) -> String {
    if stream.behind_seconds > 0.0 {
        return format!("{} ({})", stream.versions_behind, short(stream.behind_seconds));
    }
    if stream.unwritten_seconds > 0.0 {
        return format!("write ({})", short(stream.unwritten_seconds));
    }
    "-".to_owned()
}

fn was_told(told: &Told) -> String {
    let what = match (told.exists, told.endpoints) {
        (Some(false), _) => return "no such service".to_owned(),
        (_, Some(0)) => return "no endpoints".to_owned(),
        (_, Some(1)) => "1 endpoint".to_owned(),
        (_, Some(count)) => format!("{count} endpoints"),
        (_, None) if told.shares.is_empty() => "no overrides".to_owned(),
        (_, None) => String::new(),
    };
    let mut shares: Vec<_> = told.shares.iter().collect();
    let more = shares.len().saturating_sub(NAMED);
    shares.truncate(NAMED);
    let mut shown: Vec<_> = shares
        .into_iter()
        .map(|(name, share)| {
            // An override is named as the service that it is, for the rest is the same for all of them.
            let name = if told.endpoints.is_none() { name.split('.').next().unwrap_or(name) } else { name };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of 1")]
            let ppb = (share * 1e9).round() as u64;
            format!("{name} {}", percent(ppb, 1_000_000_000))
        })
        .collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    let separator = if what.is_empty() || shown.is_empty() { "" } else { ": " };
    format!("{what}{separator}{}", shown.join(" | "))
}

/// The addresses that a stream was told, if they were asked for.
fn addresses(stream: &OpenStream, out: &mut dyn Write) -> io::Result<()> {
    let addresses = stream.told.iter().flat_map(|told| &told.addresses);
    let mut addresses = addresses.peekable();
    if addresses.peek().is_none() {
        return Ok(());
    }
    let client = stream.client.as_deref().unwrap_or("-");
    writeln!(out, "\n{} was told of {}:", tame(client), tame(&stream.authority))?;
    let mut table = Table::new([("ADDRESS", Align::Left), ("WEIGHT", Align::Right)]);
    addresses.for_each(|(address, weight)| table.row([address.clone(), weight.to_string()]));
    table.write(out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::style::tests::plain;

    fn told(endpoints: Option<usize>, shares: &[(&str, f64)]) -> Told {
        let shares = shares.iter().map(|(name, share)| ((*name).to_owned(), *share));
        let exists = endpoints.map(|_| true);
        Told {
            version: 7,
            digest: "d".into(),
            exists,
            endpoints,
            shares: shares.collect(),
            addresses: vec![],
        }
    }

    fn stream() -> OpenStream {
        OpenStream {
            id: 1,
            client: Some("10.0.0.5:40000".into()),
            namespace: Some("web".into()),
            pod: Some("web-1".into()),
            node: Some("n1".into()),
            rpc: "Get".into(),
            authority: "reviews.default.svc.cluster.local:9080".into(),
            reading: Some("merged".into()),
            told: Some(told(Some(2), &[("reviews-v2", 0.25), ("reviews-v3", 0.75)])),
            versions_behind: 0,
            behind_seconds: 0.0,
            unwritten_seconds: 0.0,
            age_seconds: 62.0,
            sent_seconds_ago: Some(1.25),
            messages: 3,
            bytes: 812,
        }
    }

    #[track_caller]
    fn check(rows: &[OpenStream], found: usize, servers: usize, expect: &str) {
        let rows: Vec<_> =
            rows.iter().map(|stream| Row { server: "s:1".into(), stream: stream.clone() }).collect();
        let mut out = Vec::new();
        write(&rows, found, servers, &mut out).unwrap();
        assert_eq!(plain(out), expect);
    }

    #[test]
    fn a_line_for_each_stream_and_what_it_comes_to() {
        let unknown = OpenStream {
            client: None,
            namespace: None,
            pod: None,
            node: None,
            reading: None,
            told: None,
            sent_seconds_ago: None,
            ..stream()
        };
        check(
            &[stream(), unknown],
            5,
            1,
            "\
CLIENT          POD        NODE  AUTHORITY                               READING  VERSION  BEHIND    AGE   SENT  MESSAGES  BYTES  WAS TOLD
10.0.0.5:40000  web/web-1  n1    reviews.default.svc.cluster.local:9080  merged         7       -  1m 2s  1.2 s         3    812  2 endpoints: reviews-v2 25.00 % | reviews-v3 75.00 %
-               -          -     reviews.default.svc.cluster.local:9080  profile        -       -  1m 2s      -         3    812  nothing yet

5 streams, 2 of them shown, 0 behind
",
        );
        check(&[], 0, 1, "0 streams, 0 behind\n");
        check(&[], 0, 3, "0 streams of 3 servers, 0 behind\n");
    }

    #[test]
    fn being_behind_is_said_with_how_far_and_why() {
        let late = OpenStream { versions_behind: 3, behind_seconds: 1.25, ..stream() };
        let stuck = OpenStream { unwritten_seconds: 4.0, ..stream() };
        assert_eq!(
            (behind(&late), behind(&stuck), behind(&stream())),
            ("3 (1.2 s)".to_owned(), "write (4.0 s)".to_owned(), "-".to_owned())
        );
    }

    #[test]
    fn what_was_told_is_said_in_few_words() {
        let many: Vec<_> = (0..8).map(|n| format!("b{n}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), 0.125)).collect();
        let absent = Told { exists: Some(false), ..told(Some(0), &[]) };
        for (told, expect) in [
            (absent, "no such service"),
            (told(Some(0), &[]), "no endpoints"),
            (told(Some(1), &[]), "1 endpoint"),
            (told(None, &[]), "no overrides"),
            (told(None, &[("v2.d.svc.cluster.local:80", 1.0)]), "v2 100.00 %"),
            (
                told(Some(8), &many),
                "8 endpoints: b0 12.50 % | b1 12.50 % | b2 12.50 % | b3 12.50 % | b4 12.50 % | b5 12.50 % | 2 more",
            ),
        ] {
            assert_eq!(was_told(&told), expect);
        }
    }

    #[test]
    fn addresses_are_listed_where_they_were_asked_for() {
        let addresses = vec![("10.0.0.1:80".to_owned(), 500_000_000), ("10.0.0.2:80".to_owned(), 1)];
        let stream = OpenStream {
            told: Some(Told { addresses, shares: BTreeMap::new(), ..told(Some(2), &[]) }),
            ..stream()
        };
        let mut out = Vec::new();
        super::addresses(&stream, &mut out).unwrap();
        assert_eq!(
            plain(out),
            "\n10.0.0.5:40000 was told of reviews.default.svc.cluster.local:9080:\nADDRESS         WEIGHT\n10.0.0.1:80  500000000\n10.0.0.2:80          1\n"
        );
    }
}
