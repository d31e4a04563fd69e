//! Explanations as they are drawn, whoever made them.

use clap::Parser;
use serde_json::Value;

use super::{cut, here, text::tree};
use crate::{
    cli::{Cli, Command, style::tests::plain},
    resolve::explain::Explanation,
};

/// One with nearly everything in it.
fn explanation(line: &str) -> Explanation {
    let root = env!("CARGO_MANIFEST_DIR");
    let line = format!("switchyard why {line} --manifests {root}/tests/data/why/odd.yaml");
    let Command::Why(args) = Cli::try_parse_from(line.split(' ')).expect("it parses").command else {
        panic!("another command")
    };
    here(&args).unwrap_or_else(|failure| panic!("{failure}"))
}

fn drawn(explanation: &Explanation) -> Vec<u8> {
    let mut out = Vec::new();
    tree(explanation).write(&mut out).expect("to memory");
    out
}

/// Applies `change` to the text with this number; `None` if there are not so many.
fn change_text(value: &mut Value, number: &mut usize, change: &impl Fn(&str) -> String) -> Option<()> {
    match value {
        Value::String(text) if *number == 0 => {
            *text = change(text);
            return Some(());
        }
        Value::String(_) => *number -= 1,
        Value::Array(items) => {
            return items.iter_mut().find_map(|item| change_text(item, number, change));
        }
        Value::Object(fields) => {
            return fields.values_mut().find_map(|field| change_text(field, number, change));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    None
}

#[test]
fn no_text_of_a_server_can_break_out_of_its_line() {
    const EVIL: &str = "\u{1b}[2J\r\n└─ given";
    let (mut obeyed, mut shown) = (Vec::new(), 0);
    for line in [
        "ratings.default.svc.cluster.local:9080",
        "stars.default.svc.cluster.local:50051 --token {\"nodeName\":\"node-a\",\"ns\":\"a\"} --address 10.1.0.1",
        "10.1.0.1:50051",
        "productpage.default.svc.cluster.local:9080",
    ] {
        let good = explanation(line);
        let lines = plain(drawn(&good)).lines().count();
        let json = serde_json::to_value(&good).expect("JSON");
        for number in 0.. {
            let mut evil = json.clone();
            if change_text(&mut evil, &mut { number }, &|text| format!("{text}{EVIL}")).is_none() {
                break;
            }
            // A word for programs is not any text.
            let Ok(evil) = serde_json::from_value::<Explanation>(evil) else { continue };
            let out = String::from_utf8(drawn(&evil)).expect("text");
            shown += usize::from(out.contains("\\u{1b}[2J\\r\\n"));
            if out.contains("\u{1b}[2J")
                || out.contains('\r')
                || plain(out.clone().into_bytes()).lines().count() != lines
            {
                obeyed.push(out);
            }
        }
    }
    assert!(obeyed.is_empty(), "{}", obeyed[0]);
    assert!(shown > 100, "only {shown} texts were shown at all");
}

#[test]
fn what_is_cut_off_is_counted() {
    let mut explanation = explanation("stars.default.svc.cluster.local:50051");
    let own = explanation.get.as_mut().and_then(|get| get.own.as_mut()).expect("its own endpoints");
    (own.given.more, own.left_out.more, own.slices.more) = (7, 8, 9);
    let text = plain(drawn(&explanation));
    for expect in [
        "and 7 more that are given out",
        "and 8 more that are left out",
        "and 9 more slices",
        "1 endpoint left out  (not ready)",
    ] {
        assert!(text.contains(expect), "{expect}: {text}");
    }
}

#[test]
fn a_reason_that_this_version_does_not_know_is_drawn_nevertheless() {
    let mut json = serde_json::to_value(explanation("stars.default.svc.cluster.local:50051")).expect("JSON");
    json["get"]["own"]["left_out"]["items"][0]["fate"] = "eclipsed".into();
    json["something_new"] = 1.into();
    let explanation: Explanation = serde_json::from_value(json).expect("still one");
    assert!(plain(drawn(&explanation)).contains("left out  10.1.0.3:50051"));
}

#[test]
fn what_is_cut_is_still_too_long() {
    for (text, expect) in [("", ""), ("abc", "abc"), ("abcd", "abcd"), ("abcde", "abcd"), ("abcüüü", "abcü")]
    {
        assert_eq!(cut(text, 3), expect);
    }
}
